import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineHandler, task } from '../../src/handler/index.ts'
import { flowBench, outcome, record } from './harness.ts'

const one = { arrange: (messages: readonly never[]) => messages.map((message) => task(message)) }
const ok = () => outcome('ok', 'done')

describe('a message ends only with a receipt', () => {
  it('is delivered when every sink has acknowledged, not before', async () => {
    const bench = flowBench({
      handler: { ...one, onTaskComplete: (result) => ({ kafka: [{ data: result.stdout }] }) },
      program: ok,
    })
    const acknowledge = Promise.withResolvers<void>()
    bench.delivery.gate = acknowledge.promise
    bench.feed(record(0))
    await bench.clock.run(1000)
    expect(bench.ends.size).toBe(0)
    acknowledge.resolve()
    await bench.clock.run(1)
    expect(bench.ends.get(0)).toEqual({ kind: 'delivered' })
    expect(bench.delivery.delivered.map((each) => each.id)).toEqual(['jobs:0:0:0/kafka:out/0'])
  })

  it('waits for the acknowledgement of its dead letter', async () => {
    const bench = flowBench({ handler: { ...one, onError: () => 'dead-letter' }, program: () => outcome('exit') })
    const acknowledge = Promise.withResolvers<void>()
    bench.deadLetters.gate = acknowledge.promise
    bench.feed(record(0))
    await bench.clock.run(1000)
    expect(bench.ends.size).toBe(0)
    acknowledge.resolve()
    await bench.clock.run(1)
    expect(bench.ends.get(0)).toEqual({ kind: 'dead', to: 'jobs_dlq', offset: 0 })
  })

  it('ends as delivered without any task', async () => {
    const groups: boolean[] = []
    const bench = flowBench({
      handler: { arrange: () => [], onMessageComplete: (group) => void groups.push(group.isEmpty) },
    })
    bench.feed(record(0), record(1))
    await bench.clock.run(1)
    expect([...bench.ends.values()]).toEqual([{ kind: 'delivered' }, { kind: 'delivered' }])
    expect(groups).toEqual([true, true])
  })
})

describe('onError', () => {
  it('retries with growing waits by default, then dead-letters with what happened', async () => {
    const bench = flowBench({
      handler: one,
      program: () => outcome('exit', '', { exitCode: 7, stderr: Buffer.from('no such key') }),
    })
    bench.feed(record(0))
    await bench.clock.run(60_000)
    expect(bench.executor.runs.map((run) => run.options.attempt)).toEqual([1, 2, 3, 4])
    const [death] = bench.deadLetters.letters[0]?.deaths ?? []
    expect(death).toMatchObject({ stage: 'task', verdict: 'exit', exitCode: 7, attempts: 4, taskId: 'jobs:0:0:0' })
    expect(death?.stderrTail?.toString()).toBe('no such key')
    const waits = bench.events.filter((event) => event.type === 'task_retried').map((event) => event.delayMs)
    expect(waits).toHaveLength(3)
    expect(waits[2]).toBeGreaterThan((waits[0] ?? 0) * 1.9)
  })

  it('retries after the wait that it names', async () => {
    const bench = flowBench({
      handler: { ...one, onError: () => ({ retryAfterMs: 5000 }) },
      program: (_task, attempt) => outcome(attempt === 1 ? 'timeout' : 'ok'),
    })
    bench.feed(record(0))
    await bench.clock.run(4999)
    expect(bench.executor.runs).toHaveLength(1)
    await bench.clock.run(2)
    expect(bench.ends.get(0)).toEqual({ kind: 'delivered' })
  })

  it('lets a task go under its own name', async () => {
    const bench = flowBench({ handler: { ...one, onError: () => 'skip' }, program: () => outcome('exit') })
    bench.feed(record(0))
    await bench.clock.run(1)
    expect(bench.ends.get(0)).toEqual({ kind: 'dropped', rule: 'on_error' })
  })

  it('replaces a task by others that hold the message open', async () => {
    const seen: unknown[] = []
    const bench = flowBench({
      handler: {
        ...one,
        onError: (failure) =>
          failure.task.messages.flatMap((message) => [task(message, { args: ['a'] }), task(message, { args: ['b'] })]),
        onMessageComplete: (group) =>
          void seen.push([
            group.replaced,
            group.results.length,
            group.failures.length,
            group.tasks.length,
            group.allSucceeded,
          ]),
      },
      program: (each) => outcome(each.parentId === undefined ? 'exit' : 'ok'),
    })
    bench.feed(record(0))
    await bench.clock.run(1)
    expect(bench.executor.runs.map((run) => run.task.id)).toEqual(['jobs:0:0:0', 'jobs:0:0:0/r0', 'jobs:0:0:0/r1'])
    expect(seen).toEqual([[1, 2, 0, 3, true]])
    expect(bench.ends.get(0)).toEqual({ kind: 'delivered' })
  })

  it('an empty list takes the task away', async () => {
    const bench = flowBench({ handler: { ...one, onError: () => [] }, program: () => outcome('exit') })
    bench.feed(record(0))
    await bench.clock.run(1)
    expect(bench.ends.get(0)).toEqual({ kind: 'delivered' })
  })

  for (const [name, onError] of [
    ['throws', () => Promise.reject(new Error('hook broke'))],
    ['returns nonsense', () => 'again' as never],
    ['hangs', () => new Promise<never>(() => undefined)],
  ] as const) {
    it(`${name}: the message is dead-lettered with both reasons`, async () => {
      const bench = flowBench({ handler: { ...one, onError }, program: () => outcome('exit'), hookTimeoutMs: 5000 })
      bench.feed(record(0))
      await bench.clock.run(6000)
      expect(bench.ends.get(0)?.kind).toBe('dead')
      expect(bench.deadLetters.letters[0]?.deaths.map((death) => death.stage)).toEqual(['task', 'on_error'])
    })
  }

  it('a lost host is tried again without asking', async () => {
    const asked: string[] = []
    const bench = flowBench({
      handler: { ...one, onError: (failure) => (asked.push(failure.verdict), 'skip' as const) },
      program: (_task, attempt) => outcome(attempt < 3 ? 'host-lost' : 'ok'),
    })
    bench.feed(record(0))
    await bench.clock.run(60_000)
    expect(asked).toEqual([])
    expect(bench.ends.get(0)).toEqual({ kind: 'delivered' })
  })
})

describe('onTaskComplete', () => {
  it('that throws is called again with the same result; the program is not run again', async () => {
    let calls = 0
    const bench = flowBench({
      handler: {
        ...one,
        onTaskComplete: () => {
          calls += 1
          if (calls < 3) throw new Error('lookup failed')
          return { kafka: [{ data: 1 }] }
        },
      },
      program: ok,
    })
    bench.feed(record(0))
    await bench.clock.run(60_000)
    expect(calls).toBe(3)
    expect(bench.executor.runs).toHaveLength(1)
    expect(bench.ends.get(0)).toEqual({ kind: 'delivered' })
  })

  for (const [name, hook, stage] of [
    ['throws for good', () => Promise.reject(new Error('always')), /always/],
    ['hangs', () => new Promise<never>(() => undefined), /did not answer within 5 s/],
    ['returns a string', () => 'kafka' as never, /returned 'kafka'; expected nothing, or an object/],
    ['returns a payload that is no list', () => ({ kafka: { data: 1 } }) as never, /expected a list under `kafka`/],
    ['names a sink that is not there', () => ({ postgres: [{ table: 't' }] }) as never, /no sink of kind postgres/],
  ] as const) {
    it(`${name}: dead letter with the reason`, async () => {
      const bench = flowBench({
        handler: { ...one, onTaskComplete: hook as () => Promise<never> },
        program: ok,
        hookTimeoutMs: 5000,
      })
      bench.feed(record(0))
      await bench.clock.run(120_000)
      expect(bench.ends.get(0)?.kind).toBe('dead')
      const [death] = bench.deadLetters.letters[0]?.deaths ?? []
      expect(death?.stage).toBe('on_task_complete')
      expect(death?.reason).toMatch(stage)
      expect(bench.executor.runs).toHaveLength(1)
      expect(bench.crashes).toEqual([])
    })
  }
})

describe('onMessageComplete and onWindowComplete', () => {
  it('fire once each, after all tasks, and their payloads hold the message', async () => {
    const calls: string[] = []
    const bench = flowBench({
      handler: {
        arrange: (messages) => messages.flatMap((message) => [task(message), task(message)]),
        onMessageComplete: (group) => (
          calls.push(`m${group.message.offset}:${group.results.length}`), { kafka: [{ data: 'm' }] }
        ),
        onWindowComplete: (window) => (calls.push(`w:${window.results.length}`), { kafka: [{ data: 'w' }] }),
      },
    })
    bench.feed(record(4), record(7))
    await bench.clock.run(1)
    for (const id of ['jobs:0:4:0', 'jobs:0:4:1', 'jobs:0:7:0']) bench.executor.of(id).end(outcome('ok'))
    await bench.clock.run(1)
    expect(calls).toEqual(['m4:2'])
    expect(bench.ends.size).toBe(0)
    bench.executor.of('jobs:0:7:1').end(outcome('ok'))
    await bench.clock.run(1)
    expect(calls).toEqual(['m4:2', 'm7:2', 'w:4'])
    expect(bench.delivery.delivered.map((each) => each.id)).toEqual([
      'jobs:0:4/m/kafka:out/0',
      'jobs:0:7/m/kafka:out/0',
      'jobs:0:4-7/w/kafka:out/0',
    ])
    expect([...bench.ends.values()]).toEqual([{ kind: 'delivered' }, { kind: 'delivered' }])
  })

  it('onMessageComplete that throws for one message costs only that one', async () => {
    const bench = flowBench({
      handler: {
        ...one,
        onMessageComplete: (group) => {
          if (group.message.offset === 1) throw new Error('not this one')
        },
      },
      program: ok,
    })
    bench.feed(record(0), record(1), record(2))
    await bench.clock.run(60_000)
    expect([...bench.ends].toSorted(([a], [b]) => a - b).map(([offset, end]) => [offset, end.kind])).toEqual([
      [0, 'delivered'],
      [1, 'dead'],
      [2, 'delivered'],
    ])
  })

  it('onWindowComplete that throws for good kills the window’s messages, each with its own letter', async () => {
    const bench = flowBench({
      handler: { ...one, onWindowComplete: () => Promise.reject(new Error('sum failed')) },
      program: ok,
    })
    bench.feed(record(0), record(1))
    await bench.clock.run(60_000)
    expect(bench.deadLetters.letters.map((letter) => [letter.message.offset, letter.deaths[0]?.stage])).toEqual([
      [0, 'on_window_complete'],
      [1, 'on_window_complete'],
    ])
  })
})

describe('fan-in', () => {
  it('a task of several messages ends each of them, and its failure fails each', async () => {
    const bench = flowBench({
      handler: { arrange: (messages) => [task(messages)], onError: () => 'dead-letter' },
      program: () => outcome('exit'),
    })
    bench.feed(record(0), record(1))
    await bench.clock.run(1)
    expect(bench.executor.runs).toHaveLength(1)
    expect(bench.deadLetters.letters.map((letter) => letter.message.offset)).toEqual([0, 1])
  })

  it('gets an id from its offsets that does not depend on their order', async () => {
    const ids = await Promise.all(
      [false, true].map(async (reversed) => {
        const bench = flowBench({
          handler: { arrange: (messages) => [task(reversed ? messages.toReversed() : messages)] },
          program: ok,
        })
        bench.feed(record(3), record(9))
        await bench.clock.run(1)
        return bench.executor.runs[0]?.task.id
      }),
    )
    expect(ids[0]).toMatch(/^jobs:0:j[0-9a-f]{16}:0$/)
    expect(ids[0]).toBe(ids[1])
  })
})

describe('onDeliveryError', () => {
  const handler = { ...one, onTaskComplete: () => ({ kafka: [{ data: 'a' }, { data: 'b' }] }) }

  it('dead-letters by default, and what another payload delivered stays delivered', async () => {
    const bench = flowBench({ handler, program: ok })
    bench.delivery.refuse = (each) => (each.id.endsWith('/1') ? 'too large' : undefined)
    bench.feed(record(0))
    await bench.clock.run(1)
    expect(bench.deadLetters.letters[0]?.deaths[0]).toMatchObject({
      stage: 'delivery',
      sink: 'kafka:out',
      reason: expect.stringMatching(/refused jobs:0:0:0\/kafka:out\/1: too large/),
    })
    expect(bench.delivery.delivered.map((each) => each.id)).toEqual(['jobs:0:0:0/kafka:out/0'])
  })

  it('retries only what was refused, within the budget', async () => {
    let answers = 0
    const bench = flowBench({
      handler: { ...handler, onDeliveryError: () => (answers++, 'retry' as const) },
      program: ok,
    })
    bench.delivery.refuse = (each) => (each.id.endsWith('/1') ? 'no' : undefined)
    bench.feed(record(0))
    await bench.clock.run(60_000)
    expect(answers).toBe(4)
    expect(bench.delivery.delivered).toHaveLength(1)
    expect(bench.ends.get(0)?.kind).toBe('dead')
  })

  it('lets go under its own name', async () => {
    const bench = flowBench({ handler: { ...handler, onDeliveryError: () => 'skip' }, program: ok })
    bench.delivery.refuse = () => 'no'
    bench.feed(record(0))
    await bench.clock.run(1)
    expect(bench.ends.get(0)).toEqual({ kind: 'dropped', rule: 'on_delivery_error' })
    expect(bench.eventsOf('sink_skipped')).toMatchObject([{ records: 2 }])
  })

  it('that throws means dead letter', async () => {
    const bench = flowBench({
      handler: { ...handler, onDeliveryError: () => Promise.reject(new Error('hook broke')) },
      program: ok,
    })
    bench.delivery.refuse = () => 'no'
    bench.feed(record(0))
    await bench.clock.run(1)
    expect(bench.deadLetters.letters[0]?.deaths[0]?.reason).toMatch(/no.*onDeliveryError threw: hook broke/)
  })
})

describe('types flow by inference', () => {
  it('from input and arrange into every hook', () => {
    const handler = defineHandler({
      input: z.object({ jobId: z.string() }),
      arrange: (messages) => messages.map((message) => task(message, { metadata: { job: message.payload.jobId } })),
      onTaskComplete: (result) => ({
        kafka: [{ key: result.task.metadata.job.toUpperCase(), data: result.task.messages[0]?.payload.jobId }],
      }),
    })
    expect(typeof handler.arrange).toBe('function')
  })
})
