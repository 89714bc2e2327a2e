import { describe, expect, it } from 'vitest'
import { task } from '../../src/handler/index.ts'
import type { Handler, Waiting } from '../../src/model/index.ts'
import { flowBench, outcome, record } from './harness.ts'

const one = { arrange: (messages: readonly never[]) => messages.map((message) => task(message)) }
const never = (): Promise<never> => new Promise(() => undefined)
type Bench = ReturnType<typeof flowBench>

/** What the oldest message waits for, a while after it came. */
async function headAfter(ms: number, bench: Bench): Promise<Waiting | undefined> {
  await bench.clock.run(ms)
  return bench.flow.views()[0]?.head?.waits
}

describe('what the oldest unfinished message waits for', () => {
  it.each<[string, Waiting, Partial<Handler>, (bench: Bench) => void]>([
    ['arrange', { kind: 'hook', hook: 'arrange', forMs: 5000 }, { arrange: never }, () => undefined],
    [
      'an asynchronous schema',
      { kind: 'hook', hook: 'input', forMs: 5000 },
      { input: { '~standard': { version: 1, vendor: 'slow', validate: never } } },
      () => undefined,
    ],
    ['a slot', { kind: 'gate', taskId: 'jobs:0:0:0', forMs: 0 }, {}, () => undefined],
    [
      'its program',
      { kind: 'run', taskId: 'jobs:0:0:0', pid: null, slot: null, attempt: 1, forMs: 0 },
      {},
      (bench) => bench.executor.of('jobs:0:0:0').start(),
    ],
    [
      'on_task_complete',
      { kind: 'hook', hook: 'on_task_complete', taskId: 'jobs:0:0:0', forMs: 4000 },
      { onTaskComplete: never },
      (bench) => bench.executor.of('jobs:0:0:0').end(outcome('ok')),
    ],
    [
      'on_error',
      { kind: 'hook', hook: 'on_error', taskId: 'jobs:0:0:0', forMs: 4000 },
      { onError: never },
      (bench) => bench.executor.of('jobs:0:0:0').end(outcome('exit')),
    ],
    [
      'its next try',
      { kind: 'retry', taskId: 'jobs:0:0:0', attempt: 2, dueMs: 56_000, forMs: 4000 },
      { onError: () => ({ retryAfterMs: 60_000 }) },
      (bench) => bench.executor.of('jobs:0:0:0').end(outcome('exit')),
    ],
    [
      'a sink',
      { kind: 'delivery', sinks: ['kafka:out', 'files:out'], forMs: 4000 },
      { onTaskComplete: () => ({ kafka: [{ data: 1 }, { data: 2 }], files: [{ path: 'x', data: 1 }] }) },
      (bench) => {
        bench.delivery.gate = never()
        bench.executor.of('jobs:0:0:0').end(outcome('ok'))
      },
    ],
    [
      'on_message_complete',
      { kind: 'hook', hook: 'on_message_complete', forMs: 4000 },
      { onMessageComplete: never },
      (bench) => bench.executor.of('jobs:0:0:0').end(outcome('ok')),
    ],
    [
      'its dead letter',
      { kind: 'dead-letter', forMs: 4000 },
      { onError: () => 'dead-letter' },
      (bench) => {
        bench.deadLetters.gate = never()
        bench.executor.of('jobs:0:0:0').end(outcome('exit'))
      },
    ],
    [
      'the rest of its window',
      { kind: 'window', others: 1, forMs: 5000 },
      { onWindowComplete: () => undefined },
      (bench) => bench.executor.of('jobs:0:0:0').end(outcome('ok')),
    ],
  ])('%s', async (_what, waits, handler, next) => {
    const bench = flowBench({ handler: { ...one, ...handler }, hookTimeoutMs: 0 })
    bench.feed(record(0), record(1))
    await bench.clock.run(1000)
    next(bench)
    const found = await headAfter(4000, bench)
    expect(found).toEqual(waits)
    bench.flow.close()
  })

  it('is the window before it, then the next message, then nothing', async () => {
    let release = (): void => undefined
    const bench = flowBench({
      handler: {
        arrange: async (messages) => {
          await new Promise<void>((resolve) => (release = resolve))
          return messages.map((message) => task(message))
        },
      },
      program: () => outcome('ok'),
    })
    bench.feed(record(5))
    await bench.clock.run(1000)
    bench.feed(record(6))
    expect(bench.flow.views()[0]?.head).toMatchObject({ offset: 5, ageMs: 1000, waits: { hook: 'arrange' } })
    release()
    await bench.clock.run(1000)
    expect(bench.flow.views()[0]?.head).toMatchObject({
      offset: 6,
      ageMs: 1000,
      waits: { hook: 'arrange', forMs: 1000 },
    })
    release()
    await bench.clock.run(10)
    expect(bench.flow.views()[0]?.head).toBeNull()
  })
})

describe('a task that is cancelled', () => {
  const cancelled = async (handler: Partial<Handler>, next: (bench: Bench) => void): Promise<Bench> => {
    const bench = flowBench({ handler: { ...one, ...handler } })
    bench.feed(record(0))
    await bench.clock.run(10)
    next(bench)
    await bench.clock.run(10)
    expect(bench.flow.cancelTask('jobs:0:0:0')).toBe('cancelled')
    await bench.clock.run(10)
    return bench
  }

  it.each<[string, (bench: Bench) => void]>([
    ['at the gate', () => undefined],
    ['while it runs', (bench) => bench.executor.of('jobs:0:0:0').start()],
  ])('%s is not tried again and its message is dead', async (_when, next) => {
    const bench = await cancelled({}, next)
    expect(bench.executor.runs).toHaveLength(1)
    expect(bench.deadLetters.letters[0]?.deaths).toMatchObject([{ stage: 'task', verdict: 'cancelled', attempts: 1 }])
    expect(bench.ends.get(0)).toMatchObject({ kind: 'dead' })
    expect(bench.flow.cancelTask('jobs:0:0:0')).toBe('unknown')
  })

  it('while it waits for its next try has no other', async () => {
    const bench = await cancelled({ onError: () => ({ retryAfterMs: 60_000 }) }, (one) =>
      one.executor.of('jobs:0:0:0').end(outcome('exit')),
    )
    expect(bench.deadLetters.letters[0]?.deaths).toMatchObject([
      { stage: 'task', verdict: 'cancelled', reason: expect.stringMatching(/^cancelled on request while it waited/) },
    ])
    await bench.clock.run(120_000)
    expect(bench.executor.runs).toHaveLength(1)
    expect(bench.ends.size).toBe(1)
  })

  it('is the handler’s to decide on', async () => {
    const bench = await cancelled(
      { onError: ({ verdict }) => (verdict === 'cancelled' ? 'skip' : 'retry') },
      () => undefined,
    )
    expect(bench.ends.get(0)).toEqual({ kind: 'dropped', rule: 'on_error' })
  })

  it('is over once it has run', async () => {
    const bench = flowBench({
      handler: { ...one, onTaskComplete: never },
      program: () => outcome('ok'),
      hookTimeoutMs: 0,
    })
    bench.feed(record(0))
    await bench.clock.run(10)
    expect(bench.flow.cancelTask('jobs:0:0:0')).toBe('over')
    expect(bench.flow.cancelTask('jobs:0:9:0')).toBe('unknown')
    bench.flow.close()
  })
})
