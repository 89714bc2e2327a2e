import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { task } from '../../src/handler/index.ts'
import { flowBench, outcome, record } from './harness.ts'

const each = { arrange: (messages: readonly never[]) => messages.map((message) => task(message)) }
const ok = () => outcome('ok')

describe('parsing', () => {
  const bad: readonly (readonly [string, Buffer | string, RegExp])[] = [
    ['empty', Buffer.alloc(0), /empty/],
    ['no JSON', '{"a":', /JSON/],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), /not valid UTF-8/],
    ['another shape', '{"jobId":5}', /jobId/],
    ['a tombstone where an object is needed', 'null', /expected object/i],
  ]
  for (const [name, value, reason] of bad) {
    it(`${name}: dead letter of stage parse, and its neighbours go on`, async () => {
      const bench = flowBench({ handler: { ...each, input: z.object({ jobId: z.string() }) }, program: ok })
      bench.feed(record(0, { jobId: 'a' }), record(1, value), record(2, { jobId: 'b' }))
      await bench.clock.run(1)
      expect(bench.deadLetters.letters.map((letter) => [letter.message.offset, letter.deaths[0]?.stage])).toEqual([
        [1, 'parse'],
      ])
      expect(bench.deadLetters.letters[0]?.deaths[0]?.reason).toMatch(reason)
      expect(bench.executor.runs.map((run) => run.task.id)).toEqual(['jobs:0:0:0', 'jobs:0:2:0'])
    })
  }

  it('skip ends it under its own name; hold keeps it and names the offset', async () => {
    const skip = flowBench({ handler: each, program: ok, options: { onParseError: 'skip' } })
    skip.feed(record(0, '{'))
    await skip.clock.run(1)
    expect(skip.ends.get(0)).toEqual({ kind: 'dropped', rule: 'on_parse_error' })
    const hold = flowBench({ handler: each, program: ok, options: { onParseError: 'hold' } })
    hold.feed(record(0, '{'))
    await hold.clock.run(60_000)
    expect(hold.ends.size).toBe(0)
    expect(hold.holds.all()[0]?.hold.detail).toMatch(/offset 0 cannot be decoded/)
  })

  it('__proto__ keys pollute nothing, deep JSON is no harm', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const bench = flowBench({ handler: each, program: ok })
    bench.feed(record(0, '{"__proto__":{"polluted":true}}'), record(1, deep))
    await bench.clock.run(1)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(bench.ends.size).toBe(2)
  })

  it('text, bytes and functions decode; a throwing or asynchronous function is a parse failure', async () => {
    const payloads: unknown[] = []
    for (const decode of [
      'text',
      'bytes',
      (value: Buffer | null) => value?.length,
      () => Promise.resolve(1),
      () => {
        throw new Error('no codec')
      },
    ] as const) {
      const bench = flowBench({ handler: { decode, arrange: (messages) => (payloads.push(messages[0]?.payload), []) } })
      bench.feed(record(0, 'abc'))
      await bench.clock.run(1)
      if (bench.deadLetters.letters[0] !== undefined) payloads.push(bench.deadLetters.letters[0].deaths[0]?.reason)
    }
    expect(payloads).toEqual([
      'abc',
      Buffer.from('abc'),
      3,
      'decode must be synchronous, but returned a promise',
      'no codec',
    ])
  })
})

describe('arrange', () => {
  const poison = (offsets: readonly number[]) => ({
    arrange: (messages: readonly { offset: number }[]) => {
      if (messages.some((message) => offsets.includes(message.offset))) throw new Error('cannot arrange')
      return messages.map((message) => task(message as never))
    },
  })

  it('that throws for one message is called one by one; only that one dies', async () => {
    const bench = flowBench({ handler: poison([2]), program: ok })
    bench.feed(record(0), record(1), record(2), record(3))
    await bench.clock.run(1)
    expect(bench.deadLetters.letters.map((letter) => [letter.message.offset, letter.deaths[0]?.stage])).toEqual([
      [2, 'arrange'],
    ])
    expect(bench.ends.size).toBe(4)
  })

  it('that throws for everything holds the partition and buries nothing, and goes on when it works again', async () => {
    let broken = true
    const bench = flowBench({
      handler: {
        arrange: (messages) => {
          if (broken) throw new Error('table not loaded')
          return messages.map((message) => task(message))
        },
      },
      program: ok,
    })
    bench.feed(...Array.from({ length: 50 }, (_, offset) => record(offset)))
    await bench.clock.run(300_000)
    expect(bench.deadLetters.letters).toEqual([])
    expect(bench.pauses).toContain('held:arrange')
    expect(bench.holds.all()[0]?.hold.detail).toMatch(/table not loaded/)
    broken = false
    await bench.clock.run(31_000)
    expect(bench.ends.size).toBe(50)
    expect([...bench.ends.values()].every((end) => end.kind === 'delivered')).toBe(true)
    expect(bench.pauses.size).toBe(0)
  })

  it('a lone poison message dies; a long run of them is held until another message shows that arrange works', async () => {
    const bench = flowBench({ handler: poison([0, 1, 2, 3, 4, 5]), program: ok, options: { windowSize: 3 } })
    bench.feed(record(0))
    await bench.clock.run(1)
    expect(bench.ends.get(0)?.kind).toBe('dead')
    bench.feed(record(1), record(2), record(3), record(4), record(5), record(6))
    await bench.clock.run(60_000)
    expect(bench.ends.get(6)?.kind).toBe('delivered')
    expect([1, 2, 3, 4, 5].map((offset) => bench.ends.get(offset)?.kind)).toEqual(Array(5).fill('dead'))
  })

  for (const [name, answer] of [
    ['nothing', undefined],
    ['plain objects', [{ args: [] }]],
    ['a task with args that are no strings', null],
    ['a task of a message from elsewhere', 'foreign'],
  ] as const) {
    it(`that returns ${name} fails like one that throws`, async () => {
      const bench = flowBench({
        handler: {
          arrange: (messages) => {
            if (answer === null) return messages.map((message) => task(message, { args: [1] as never }))
            if (answer === 'foreign') return messages.map((message) => task({ ...message }))
            return answer as never
          },
        },
      })
      bench.feed(record(0))
      await bench.clock.run(1)
      expect(bench.deadLetters.letters[0]?.deaths[0]?.stage).toBe('arrange')
      expect(bench.crashes).toEqual([])
    })
  }

  it('sees what is pending, runs one window at a time, and later windows do not wait for earlier tasks', async () => {
    const pending: number[] = []
    const bench = flowBench({
      handler: {
        arrange: (messages, context) => (pending.push(context.pending.size), messages.map((message) => task(message))),
      },
      options: { windowSize: 2 },
    })
    bench.feed(record(0), record(1), record(2), record(3), record(4))
    await bench.clock.run(1)
    expect(pending).toEqual([0, 2, 4])
    expect(bench.executor.runs).toHaveLength(5)
  })
})

describe('giving a partition up', () => {
  const drain = (bench: ReturnType<typeof flowBench>, ms = 15_000, lost = false) =>
    bench.flow.revoked([bench.assignment], { lost, deadline: bench.clock.monotonic() + ms })

  it('hands back what has not started, waits for what runs', async () => {
    const bench = flowBench({ handler: each })
    bench.feed(record(0), record(1), record(2))
    await bench.clock.run(1)
    bench.executor.of('jobs:0:0:0').start()
    const drained = drain(bench)
    await bench.clock.run(5000)
    bench.executor.of('jobs:0:0:0').end(outcome('ok'))
    expect(await bench.clock.runUntil(drained)).toBe(true)
    expect([...bench.ends.keys()]).toEqual([0])
  })

  it('a message that has started keeps all its tasks, also the waiting ones', async () => {
    const bench = flowBench({
      handler: { arrange: (messages) => messages.flatMap((message) => [task(message), task(message)]) },
    })
    bench.feed(record(0), record(1))
    await bench.clock.run(1)
    bench.executor.of('jobs:0:0:0').end(outcome('ok'))
    await bench.clock.run(1)
    const drained = drain(bench)
    await bench.clock.run(1)
    bench.executor.of('jobs:0:0:1').end(outcome('ok'))
    expect(await bench.clock.runUntil(drained)).toBe(true)
    expect([...bench.ends.keys()]).toEqual([0])
  })

  it('a retry that waits belongs to a started message and still happens', async () => {
    const bench = flowBench({ handler: { ...each, onError: () => ({ retryAfterMs: 3000 }) } })
    bench.feed(record(0))
    await bench.clock.run(1)
    bench.executor.of('jobs:0:0:0').end(outcome('exit'))
    await bench.clock.run(1)
    const drained = drain(bench)
    await bench.clock.run(3500)
    bench.executor.of('jobs:0:0:0').end(outcome('ok'))
    expect(await bench.clock.runUntil(drained)).toBe(true)
    expect([...bench.ends.keys()]).toEqual([0])
  })

  it('at the deadline what is left is cancelled and its result ignored', async () => {
    const bench = flowBench({ handler: { ...each, onTaskComplete: () => ({ kafka: [{ data: 1 }] }) } })
    bench.feed(record(0))
    await bench.clock.run(1)
    bench.executor.of('jobs:0:0:0').start()
    const drained = drain(bench, 1000)
    expect(await bench.clock.runUntil(drained)).toBe(false)
    expect(bench.executor.of('jobs:0:0:0').cancelled).toBe(true)
    await bench.clock.run(1000)
    expect(bench.ends.size).toBe(0)
    expect(bench.delivery.delivered).toEqual([])
    expect(bench.eventsOf('drain_timeout')).toMatchObject([{ unfinished: 1 }])
  })

  it('lost: nothing more is delivered, buried or ended', async () => {
    const bench = flowBench({ handler: { ...each, onTaskComplete: () => ({ kafka: [{ data: 1 }] }) } })
    const acknowledge = Promise.withResolvers<void>()
    bench.delivery.gate = acknowledge.promise
    bench.feed(record(0), record(1))
    await bench.clock.run(1)
    bench.executor.of('jobs:0:0:0').end(outcome('ok'))
    await bench.clock.run(1)
    expect(await drain(bench, 15_000, true)).toBe(false)
    acknowledge.resolve()
    await bench.clock.run(10_000)
    expect(bench.ends.size).toBe(0)
    expect(bench.executor.of('jobs:0:1:0').cancelled).toBe(true)
  })

  it('messages whose arrange is running are handed back, and its late answer starts nothing', async () => {
    const arranged = Promise.withResolvers<void>()
    const bench = flowBench({
      handler: {
        arrange: async (messages) => {
          await arranged.promise
          return messages.map((message) => task(message))
        },
      },
    })
    bench.feed(record(0))
    await bench.clock.run(1)
    expect(await drain(bench)).toBe(true)
    arranged.resolve()
    await bench.clock.run(1000)
    expect(bench.executor.runs).toEqual([])
    expect(bench.ends.size).toBe(0)
  })

  it('where windows complete as a whole, a started window finishes as a whole', async () => {
    const bench = flowBench({ handler: { ...each, onWindowComplete: () => undefined }, options: { windowSize: 2 } })
    bench.feed(record(0), record(1), record(2), record(3))
    await bench.clock.run(1)
    bench.executor.of('jobs:0:0:0').start()
    const drained = drain(bench)
    await bench.clock.run(1)
    bench.executor.of('jobs:0:0:0').end(outcome('ok'))
    bench.executor.of('jobs:0:1:0').end(outcome('ok'))
    expect(await bench.clock.runUntil(drained)).toBe(true)
    expect([...bench.ends.keys()].toSorted((a, b) => a - b)).toEqual([0, 1])
  })
})

describe('backpressure', () => {
  it('pauses at the high mark and resumes at the low one', async () => {
    const bench = flowBench({ handler: each })
    bench.feed(...Array.from({ length: 127 }, (_, offset) => record(offset)))
    await bench.clock.run(1)
    expect(bench.pauses.size).toBe(0)
    bench.feed(record(127))
    await bench.clock.run(1)
    expect(bench.pauses).toContain('backpressure:messages')
    for (let offset = 0; offset < 111; offset += 1) bench.executor.of(`jobs:0:${offset}:0`).end(outcome('ok'))
    await bench.clock.run(1)
    expect(bench.pauses).toContain('backpressure:messages')
    bench.executor.of('jobs:0:111:0').end(outcome('ok'))
    await bench.clock.run(1)
    expect(bench.pauses.size).toBe(0)
  })

  it('counts bytes too: messages and the outputs that are held', async () => {
    const bench = flowBench({ handler: { ...each, onTaskComplete: () => ({ kafka: [{ data: 1 }] }) } })
    bench.delivery.gate = new Promise(() => undefined)
    bench.feed(record(0))
    await bench.clock.run(1)
    bench.executor.of('jobs:0:0:0').end(outcome('ok', 'x'.repeat(1 << 20)))
    await bench.clock.run(1)
    expect(bench.pauses).toContain('backpressure:bytes')
  })
})
