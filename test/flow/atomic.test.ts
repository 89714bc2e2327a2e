import { describe, expect, it } from 'vitest'
import { task } from '../../src/handler/index.ts'
import type { Handler, Task } from '../../src/model/index.ts'
import { flowBench, outcome, record } from './harness.ts'

interface Work {
  /** Tasks of the message; `bad` ones fail. */
  readonly tasks: readonly ('good' | 'bad' | 'hook')[]
  /** Shares a task with the next message of its window. */
  readonly joins?: boolean
}

const handler: Handler<Work, { readonly kind: string }> = {
  arrange: (messages) => [
    ...messages.flatMap((message) => message.payload.tasks.map((kind) => task(message, { metadata: { kind } }))),
    ...messages.flatMap((message, at) => {
      const next = messages[at + 1]
      return message.payload.joins === true && next !== undefined
        ? [task([message, next], { metadata: { kind: 'good' } })]
        : []
    }),
  ],
  onTaskComplete: (result) => {
    if (result.task.metadata.kind === 'hook') throw new Error('the hook throws')
    return { kafka: [{ data: result.task.id }] }
  },
  onMessageComplete: ({ message }) => ({ kafka: [{ data: `message ${message.offset}` }] }),
}

const program = (each: Task) => outcome((each.metadata as { kind: string }).kind === 'bad' ? 'exit' : 'ok', 'out')
const bench = (scripted = true, more: Partial<Handler> = {}) =>
  flowBench({
    handler: { ...(handler as Handler), ...more },
    ...(scripted ? { program } : {}),
    options: { atomic: true, maxRetries: 0 },
  })
const work = (offset: number, tasks: Work['tasks'], joins = false) => record(offset, { tasks, joins })
const dataOf = (world: ReturnType<typeof bench>): string[] =>
  world.delivery.delivered.map(({ payload }) => String((payload as { data: unknown }).data))
const endsOf = (world: ReturnType<typeof bench>): [number, string][] =>
  [...world.ends].map(([offset, end]): [number, string] => [offset, end.kind]).sort(([a], [b]) => a - b)

describe('delivery: atomic', () => {
  it('nothing of a message goes out before its last task has ended well; then all of it does, in one call', async () => {
    const world = bench(false)
    world.feed(work(0, ['good', 'good', 'good']))
    await world.clock.run(10)
    for (const id of ['jobs:0:0:2', 'jobs:0:0:0']) world.executor.of(id).end(outcome('ok'))
    await world.clock.run(60_000)
    expect([dataOf(world), world.ends.size]).toEqual([[], 0])
    world.executor.of('jobs:0:0:1').end(outcome('ok'))
    await world.clock.run(10)
    expect(dataOf(world)).toEqual(['jobs:0:0:2', 'jobs:0:0:0', 'jobs:0:0:1', 'message 0'])
    expect(endsOf(world)).toEqual([[0, 'delivered']])
  })

  it.each([
    ['a task that dies', 'bad'],
    ['a hook that throws', 'hook'],
  ] as const)('%s: nothing of its message goes out, its neighbours do', async (_, kind) => {
    const world = bench()
    world.feed(work(0, ['good', kind, 'good']), work(1, ['good']))
    await world.clock.run(60_000)
    expect(dataOf(world).sort()).toEqual(['jobs:0:1:0', 'message 1'])
    expect(endsOf(world)).toEqual([
      [0, 'dead'],
      [1, 'delivered'],
    ])
  })

  it('messages that share a task, also through others, go out together or die together', async () => {
    const world = bench()
    world.feed(work(0, ['good'], true), work(1, ['good'], true), work(2, ['bad']), work(3, ['good']))
    await world.clock.run(60_000)
    expect(dataOf(world).sort()).toEqual(['jobs:0:3:0', 'message 3'])
    expect(endsOf(world)).toEqual([
      [0, 'dead'],
      [1, 'dead'],
      [2, 'dead'],
      [3, 'delivered'],
    ])
    const reasons = world.deadLetters.letters.map(({ message, deaths }) => [
      message.offset,
      deaths[0]?.stage,
      deaths[0]?.reason,
    ])
    expect(reasons).toContainEqual([
      0,
      'task',
      expect.stringMatching(/^jobs:0:2, with which it shares a task, died: task jobs:0:2:0/),
    ])
    const well = bench()
    well.feed(work(0, ['good'], true), work(1, ['good']))
    await well.clock.run(60_000)
    expect([dataOf(well).length, endsOf(well)]).toEqual([
      5,
      [
        [0, 'delivered'],
        [1, 'delivered'],
      ],
    ])
  })

  it('a task that is let go, or replaced, does not keep the others back', async () => {
    const skip = bench(true, { onError: () => 'skip' })
    skip.feed(work(0, ['good', 'bad']))
    await skip.clock.run(60_000)
    expect([dataOf(skip), endsOf(skip)]).toEqual([['jobs:0:0:0', 'message 0'], [[0, 'dropped']]])
    const replace = bench(true, { onError: (failure) => task(failure.task.messages, { metadata: { kind: 'good' } }) })
    replace.feed(work(0, ['good', 'bad']))
    await replace.clock.run(60_000)
    expect([dataOf(replace), endsOf(replace)]).toEqual([
      ['jobs:0:0:0', 'jobs:0:0:1/r0', 'message 0'],
      [[0, 'delivered']],
    ])
  })

  it('a record that its sink refuses is asked about, and kills the message; what other records are placed stays', async () => {
    const asked: unknown[] = []
    const world = bench(true, {
      onDeliveryError: ({ payloadIds }) => {
        asked.push(payloadIds)
        return 'dead-letter'
      },
    })
    world.delivery.refuse = ({ id }) => (id.startsWith('jobs:0:0:1') ? 'too large' : undefined)
    world.feed(work(0, ['good', 'good']))
    await world.clock.run(60_000)
    expect(asked).toEqual([['jobs:0:0:1/kafka:out/0']])
    expect(endsOf(world)).toEqual([[0, 'dead']])
    expect(world.deadLetters.letters[0]?.deaths).toMatchObject([{ stage: 'delivery', sink: 'kafka:out' }])
  })

  it('what is held counts as held bytes, and is given back with the end', async () => {
    const world = bench(false)
    const route = world.delivery.route.bind(world.delivery)
    world.delivery.route = (...args) => route(...args).map((each) => ({ ...each, size: 1000 }))
    world.feed(work(0, ['good', 'good']), work(1, ['good', 'bad']))
    await world.clock.run(10)
    const before = world.flow.views()[0]?.bytes ?? 0
    for (const id of ['jobs:0:0:0', 'jobs:0:1:0']) world.executor.of(id).end(outcome('ok'))
    await world.clock.run(10)
    expect((world.flow.views()[0]?.bytes ?? 0) - before).toBe(2000)
    world.executor.of('jobs:0:0:1').end(outcome('ok'))
    world.executor.of('jobs:0:1:1').end(outcome('exit'))
    await world.clock.run(60_000)
    expect([world.flow.views()[0]?.bytes, world.ends.size]).toEqual([0, 2])
  })

  it('with onWindowComplete it does not start', () => {
    expect(() => bench(true, { onWindowComplete: () => undefined })).toThrow(
      expect.objectContaining({
        code: 'HANDLER_INVALID',
        advice: expect.stringMatching(/onMessageComplete/) as string,
      }) as Error,
    )
  })
})
