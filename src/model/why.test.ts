import { describe, expect, it } from 'vitest'
import { sampleView } from '../../test/support/worker-events.ts'
import type { PartitionView, Waiting, WorkerView } from './view.ts'
import { spoken, whyOf } from './why.ts'

function why(over: Partial<PartitionView>, view: Partial<WorkerView> = {}) {
  const [sample] = sampleView().partitions
  const at = { ...(sample as PartitionView), paused: [], holds: [], head: null, inFlight: 0, end: 41, ...over }
  return whyOf(sampleView({ ...view, partitions: [at] }), at)
}

const head = (waits: Waiting): Partial<PartitionView> => ({ head: { offset: 57, ageMs: 200_000, waits } })
const taskId = 'jobs:3:57:0'

describe('the reason of a partition', () => {
  it.each<[string, Partial<PartitionView>, Partial<WorkerView>, string, string]>([
    ['nothing', {}, {}, 'idle', 'idle: nothing to do'],
    ['no end known', { end: null }, {}, 'idle', 'idle: nothing to do'],
    ['records in the log', { end: 50 }, {}, 'fetching', 'waiting for records: 9 are in the log after offset 40'],
    [
      'a run',
      head({ kind: 'run', taskId, pid: 9, slot: 2, attempt: 1, forMs: 154_000 }),
      {},
      'run',
      `head offset 57: task ${taskId} running 154 s (pid 9, slot 2)`,
    ],
    [
      'a second try of a function',
      head({ kind: 'run', taskId, pid: null, slot: 0, attempt: 2, forMs: 5_000 }),
      {},
      'run',
      `head offset 57: task ${taskId} running 5 s (slot 0, try 2)`,
    ],
    [
      'a short run',
      head({ kind: 'run', taskId, pid: 9, slot: 2, attempt: 1, forMs: 20 }),
      {},
      'moving',
      `head offset 57: task ${taskId} running 20 ms (pid 9, slot 2)`,
    ],
    [
      'the gate',
      head({ kind: 'gate', taskId, forMs: 12_000 }),
      { executor: { slots: 4, running: 4, waiting: 7, kept: [] } },
      'gate',
      `head offset 57: task ${taskId} waiting at the gate for 12 s (4 of 4 slots busy, 7 waiting)`,
    ],
    [
      'a hook',
      head({ kind: 'hook', hook: 'on_task_complete', taskId, forMs: 60_000 }),
      {},
      'hook',
      `head offset 57: on_task_complete has not answered for 60 s (task ${taskId})`,
    ],
    [
      'a retry',
      head({ kind: 'retry', taskId, attempt: 3, dueMs: 9_000, forMs: 1_500 }),
      {},
      'retry',
      `head offset 57: task ${taskId} failed; try 3 comes in 9 s`,
    ],
    [
      'a sink',
      head({ kind: 'delivery', sinks: ['postgres:main', 'kafka:out'], forMs: 12_000 }),
      {},
      'delivery',
      'head offset 57: delivering to postgres:main, kafka:out for 12 s',
    ],
    [
      'a dead letter',
      head({ kind: 'dead-letter', forMs: 3_000 }),
      {},
      'dead-letter',
      'head offset 57: writing its dead letter for 3 s',
    ],
    [
      'its window',
      head({ kind: 'window', others: 4, forMs: 3_000 }),
      {},
      'window',
      'head offset 57: done, waiting for 4 other messages of its window for 3 s',
    ],
    [
      'the window before',
      head({ kind: 'queue', forMs: 3_000 }),
      {},
      'queue',
      'head offset 57: waiting for the window before it for 3 s',
    ],
    [
      'a hold',
      { holds: [{ reason: 'binary', detail: '/x is missing.' }], paused: ['held:binary'] },
      {},
      'held',
      'held: binary: /x is missing.',
    ],
    [
      'commits',
      { commitFailure: { error: 'not coordinator', forMs: 4_000 } },
      {},
      'commit',
      'commit failing for 4 s: not coordinator',
    ],
    ['brokers', {}, { brokersAwayMs: 14_000 }, 'brokers', 'no answer from the brokers for 14 s'],
    ['brokers away for a moment', {}, { brokersAwayMs: 900 }, 'idle', 'idle: nothing to do'],
    ['the claim', { claimed: false }, {}, 'claim', 'waiting for the broker to acknowledge that the partition is ours'],
    ['an operator', { paused: ['operator'] }, {}, 'paused', 'paused: operator (`drakkar resume` ends it)'],
    [
      'bytes, beside a short run',
      { ...head({ kind: 'run', taskId, pid: 9, slot: 2, attempt: 1, forMs: 20 }), paused: ['backpressure:bytes'] },
      {},
      'moving',
      `head offset 57: task ${taskId} running 20 ms (pid 9, slot 2); paused: bytes (executor.max_buffered_bytes is reached)`,
    ],
    ['a stop', {}, { phase: 'stopping' }, 'stopping', 'the worker is stopping'],
  ])('%s', (_what, at, view, kind, text) => {
    expect(why(at, view)).toEqual({ kind, text })
  })

  it('names what holds it before what it was busy with', () => {
    const { kind, text } = why({
      ...head({ kind: 'delivery', sinks: ['files:out'], forMs: 20 }),
      holds: [{ reason: 'sink files:out', detail: 'ENOENT' }],
      commitFailure: { error: 'timed out', forMs: 1_000 },
    })
    expect([kind, text]).toEqual([
      'held',
      'held: sink files:out: ENOENT; commit failing for 1 s: timed out; head offset 57: delivering to files:out for 20 ms',
    ])
  })

  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [154_000, '154 s'],
    [300_000, '5 min'],
    [365_000, '6 min 5 s'],
    [7_800_000, '2 h 10 min'],
  ])('%d ms is spoken as %s', (ms, says) => expect(spoken(ms)).toBe(says))
})
