import { describe, expect, it } from 'vitest'
import { sampleTask, sampleView } from '../../../test/support/worker-events.ts'
import type { PartitionView, RunView, WorkerEvent, WorkerView } from '../../model/index.ts'
import { virtualClock } from '../../testing/index.ts'
import { createWatch } from './watch.ts'

function world(over: { standstillMs?: number; slowMs?: number } = {}) {
  const clock = virtualClock()
  const told: string[] = []
  let at: Partial<PartitionView> = {}
  let phase: WorkerView['phase'] = 'ready'
  const runs: RunView[] = []
  const watch = createWatch({
    clock,
    view: () => sampleView({ phase, partitions: sampleView().partitions.map((one) => ({ ...one, ...at })) }),
    runs: () => runs,
    announce: (event: WorkerEvent) => {
      const seconds = Math.round(clock.monotonic() / 1000)
      if (event.type === 'standstill') told.push(`${seconds} ${event.over ? 'over' : event.kind} ${event.forMs / 1000}`)
      if (event.type === 'task_slow') told.push(`${seconds} slow ${event.task.id} pid ${event.pid}`)
    },
    standstillMs: 30_000,
    slowMs: 0,
    ...over,
  })
  watch.start()
  return {
    told,
    runs,
    watch,
    clock,
    be: (next: Partial<PartitionView>) => (at = next),
    phase: (next: WorkerView['phase']) => (phase = next),
    seconds: (count: number) => clock.run(count * 1000),
  }
}

describe('the watch', () => {
  it('tells a partition that stands after the limit, at each doubling, and when it moves', async () => {
    const one = world()
    await one.seconds(29)
    expect(one.told).toEqual([])
    await one.seconds(100)
    expect(one.told).toEqual(['31 held 30', '61 held 60', '121 held 120'])
    one.be({ position: 42 })
    await one.seconds(1)
    expect(one.told.at(-1)).toBe('130 over 129')
    await one.seconds(31)
    expect(one.told.at(-1)).toBe('160 held 30')
  })

  it('is silent about what moves, rests, is assigned anew, or stops', async () => {
    const one = world()
    for (let position = 41; position < 45; position += 1) {
      one.be({ position })
      await one.seconds(25)
    }
    for (let epoch = 2; epoch < 5; epoch += 1) {
      one.be({ epoch })
      await one.seconds(25)
    }
    one.be({ epoch: 4, holds: [], head: null, paused: [], end: null })
    await one.seconds(100)
    one.be({})
    one.phase('stopping')
    await one.seconds(100)
    expect(one.told).toEqual([])
    one.watch.stop()
    expect(one.clock.scheduled).toBe(0)
  })

  it('tells a slow run once, and its next try again', async () => {
    const one = world({ standstillMs: 0, slowMs: 5_000 })
    const run = (attempt: number, forMs: number): RunView => ({
      task: sampleTask,
      topic: 'jobs',
      partition: 3,
      attempt,
      slot: 0,
      pid: 100 + attempt,
      forMs,
    })
    one.runs.push(run(1, 4_999))
    await one.seconds(1)
    expect(one.told).toEqual([])
    one.runs.splice(0, 1, run(1, 5_000))
    await one.seconds(3)
    one.runs.splice(0, 1, run(2, 6_000))
    await one.seconds(3)
    expect(one.told).toEqual([`2 slow ${sampleTask.id} pid 101`, `5 slow ${sampleTask.id} pid 102`])
  })
})
