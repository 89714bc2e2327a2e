import { stripVTControlCharacters } from 'node:util'
import { expect, it } from 'vitest'
import { sampleView } from '../../../../test/support/worker-events.ts'
import { type PartitionView, whyOf } from '../../../model/index.ts'
import type { WorkerStatus } from '../../../ops/control/index.ts'
import { statusText } from './show.ts'

const [sample] = sampleView().partitions
const idle = (partition: number): PartitionView => ({
  ...(sample as PartitionView),
  partition,
  position: 1_234,
  committed: 1_234,
  end: 1_234,
  inFlight: 0,
  head: null,
  paused: [],
  holds: [],
})

function statusOf(partitions: readonly PartitionView[], over: Partial<WorkerStatus> = {}): WorkerStatus {
  const view = sampleView({ partitions })
  return {
    version: '0.1.0',
    pid: 4711,
    group: 'scoring',
    uptimeMs: 500_000,
    view,
    whys: partitions.map((at) => whyOf(view, at)),
    runs: [
      { taskId: 'jobs:3:41:0', topic: 'jobs', partition: 3, offset: 41, attempt: 2, slot: 1, pid: 99, forMs: 154_000 },
      { taskId: 'f', topic: 'jobs', partition: 10, offset: null, attempt: 1, slot: 0, pid: null, forMs: 20 },
    ],
    launchers: [{ index: 0, kind: 'native', pid: 4720 }],
    rates: { seconds: 30, messages: 1_234.4, tasks: 0.25, failed: 0 },
    counts: { messages: 5_000, tasks: 5_100, failed: 2 },
    ...over,
  }
}

const plain = { colour: false, columns: 100 }

it('shows a worker so that it can be read', () => {
  expect(statusText(statusOf([idle(0), sample as PartitionView]), plain)).toMatchInlineSnapshot(`
    "w1  ready  pid 4711 · up 8 min 20 s · group scoring · drakkar 0.1.0
    1,234 messages/s · 0.3 tasks/s (last 30 s) · lag 9

    executor   3 of 8 slots busy · 2 tasks waiting
    launchers  native 4720
    sink       kafka:output  connected · 9 records pending

    partition   position   committed   lag   in flight   why
    jobs/0         1,234       1,234     0           0   idle: nothing to do
    jobs/3            41          33     9           6
        held: binary: /bin/nothing does not exist; head offset 41: task jobs:3:41:0 running 650 ms (pid 99, slot 1); paused: messages (as many are in flight as may be)

    running task   offset        for   pid   slot   try
    jobs:3:41:0    jobs/3 41   154 s    99      1     2
    f              jobs/10     20 ms     –      0     1
    and 1 more, running for less long
    "
  `)
})

it('lists idle partitions up to a number, and every other one', () => {
  const many = Array.from({ length: 64 }, (_, partition) =>
    partition === 60 ? { ...(sample as PartitionView), partition } : idle(partition),
  )
  const text = statusText(statusOf(many), plain)
  expect(text.match(/idle: nothing to do/g)).toHaveLength(19)
  expect(text).toContain('jobs/60')
  expect(text).toContain('and 44 more, idle')
})

it('says what is missing: partitions, launchers, readiness', () => {
  const view = sampleView({ partitions: [], notReady: ['sink_kafka:output_not_connected'], phase: 'ready' })
  const text = statusText(statusOf([], { view, whys: [], runs: [], launchers: [] }), plain)
  expect(text).toContain('w1  not ready  pid 4711')
  expect(text).toContain('not ready: sink_kafka:output_not_connected')
  expect(text).toContain('No partition is assigned.')
  const away = statusText(statusOf([], { view: { ...view, brokersAwayMs: 12_400 }, whys: [], runs: [] }), plain)
  expect(away).toContain('No partition is assigned, and no broker has answered for 12 s.')
  expect(text).toContain('launchers  none')
})

it('shows what is kept from task to task: how much there is, what goes, what does not follow the slots', () => {
  const kept = [
    { runner: 'pool', what: 'processes', live: 2, leaving: 6, most: 2, configured: false },
    { runner: 'function', what: 'threads', live: 1, leaving: 0, most: 4, configured: true },
  ] as const
  const view = sampleView({ executor: { slots: 2, running: 8, waiting: 0, kept } })
  const lines = statusText(statusOf([], { view }), plain).split('\n')
  expect(lines.filter((line) => /^(pool|function)/.test(line))).toEqual([
    'pool       2 of 2 processes · 6 more end with their tasks',
    'function   1 of 4 threads · fixed by executor.function.threads',
  ])
})

it('has colours only where they are wanted, and the same words', () => {
  const status = statusOf([idle(0), sample as PartitionView])
  const coloured = statusText(status, { colour: true, columns: 100 })
  expect(coloured).toContain('\u001B[32mready\u001B[0m')
  expect(stripVTControlCharacters(coloured)).toBe(statusText(status, plain))
})
