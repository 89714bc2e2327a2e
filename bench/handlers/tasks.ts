/**
 * The worker under measurement: one task for each message, one result for each task. `BENCH_CASE=pre` answers without a
 * program. Where `BENCH_FIGURES` names a file, it gets the delays of the event loop from the first message to the last.
 */
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { defineHandler, task } from 'drakkar'

interface Job {
  readonly id: string
  readonly n: number
}

const precomputed = process.env['BENCH_CASE'] === 'pre' ? { stdout: '' } : undefined
const figures = process.env['BENCH_FIGURES']
const expected = Number(process.env['BENCH_N'] ?? 0)
const delays = monitorEventLoopDelay({ resolution: 1 })
let completed = 0
let watching = false

function note(): void {
  completed += 1
  if (figures === undefined || completed !== expected) return
  delays.disable()
  const ms = (ns: number): number => Math.round(ns / 1e4) / 100
  const { mean, max } = delays
  writeFileSync(
    figures,
    JSON.stringify({
      mean: ms(mean),
      p50: ms(delays.percentile(50)),
      p99: ms(delays.percentile(99)),
      p999: ms(delays.percentile(99.9)),
      max: ms(max),
      utilization: Math.round(performance.eventLoopUtilization().utilization * 1000) / 1000,
    }),
  )
}

export default defineHandler({
  arrange: (messages) => {
    if (!watching) watching = delays.enable()
    return messages.map((message) => {
      const { id, n } = message.payload as Job
      return task(message, { metadata: { id, n }, ...(precomputed === undefined ? {} : { precomputed }) })
    })
  },
  onTaskComplete: ({ task: { metadata } }) => {
    note()
    return { kafka: [{ key: metadata.id, data: { id: metadata.id, n: metadata.n, ok: true } }] }
  },
})
