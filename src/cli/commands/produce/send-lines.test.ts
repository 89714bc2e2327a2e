import { expect, test } from 'vitest'
import { DriverError, type ProducedAt, type ProducerRecord } from '../../../flow/source/index.ts'
import { type Deferred, deferred } from '../../../lib/index.ts'
import { virtualClock } from '../../../testing/index.ts'
import { LineSender, type SendOptions } from './send-lines.ts'

const PLACE: ProducedAt = { topic: 't', partition: 0, offset: 0 }

/** A producer that answers when the test says so. */
class HeldProducer {
  readonly sent: ProducerRecord[] = []
  readonly answers: Deferred<ProducedAt>[] = []

  send(record: ProducerRecord): Promise<ProducedAt> {
    const answer = deferred<ProducedAt>()
    this.sent.push(record)
    this.answers.push(answer)
    return answer.promise
  }
}

function setUp(options: Partial<SendOptions> = {}) {
  const clock = virtualClock()
  const producer = new HeldProducer()
  const bad: [number, string][] = []
  const sender = new LineSender(producer, {
    topic: 't',
    rules: { raw: false },
    maxLineBytes: 1_000_000,
    clock,
    signal: new AbortController().signal,
    onBad: (line, reason) => bad.push([line, reason]),
    ...options,
  })
  return { clock, producer, sender, bad }
}

async function* text(...parts: readonly string[]): AsyncGenerator<string> {
  yield* parts
}

const refusal = (code: string): DriverError => new DriverError(`no: ${code}`, { code, errno: 1 })

test('it ends when the last record is acknowledged, not when it is sent', async () => {
  const { clock, producer, sender } = setUp()
  let ended = false
  const run = sender.run(text('{"a":1}\n{"a":2}\n')).finally(() => {
    ended = true
  })
  await clock.run(0)
  expect(producer.sent.map(({ value }) => value?.toString())).toEqual(['{"a":1}', '{"a":2}'])
  producer.answers[1]?.resolve(PLACE)
  await clock.run(0)
  expect({ ended, ...sender.tally }).toMatchObject({ ended: false, acknowledged: 1 })
  producer.answers[0]?.resolve(PLACE)
  expect(await run).toMatchObject({ acknowledged: 2, bad: 0, unknown: 0 })
})

test('reading waits while too much is unacknowledged', async () => {
  const { clock, producer, sender } = setUp()
  let read = 0
  async function* endless(): AsyncGenerator<string> {
    for (; read < 30_000; read += 1) yield `${read}\n`
  }
  const run = sender.run(endless())
  await clock.run(0)
  expect(producer.sent).toHaveLength(10_000)
  expect(read).toBeLessThan(10_002)
  producer.answers[0]?.resolve(PLACE)
  await clock.run(0)
  expect(producer.sent).toHaveLength(10_001)
  while (producer.answers.length < 30_000) {
    for (const answer of producer.answers) answer.resolve(PLACE)
    await clock.run(0)
  }
  for (const answer of producer.answers) answer.resolve(PLACE)
  expect(await run).toMatchObject({ acknowledged: 30_000 })
})

test('bad lines are named by their number; the others are sent', async () => {
  const { clock, producer, sender, bad } = setUp({ maxLineBytes: 12 })
  const run = sender.run(text('{"a":1}\n\nnope\n"a long, long line"\n{"a":2}'))
  await clock.run(0)
  for (const answer of producer.answers) answer.resolve(PLACE)
  expect(await run).toMatchObject({ acknowledged: 2, bad: 2, blank: 1 })
  expect(bad.map(([line]) => line)).toEqual([3, 4])
})

test('a record that the broker refuses for what it is, is a bad line', async () => {
  const { clock, producer, sender, bad } = setUp()
  const run = sender.run(text('1\n2\n'))
  await clock.run(0)
  producer.answers[0]?.reject(refusal('ERR_MSG_SIZE_TOO_LARGE'))
  producer.answers[1]?.resolve(PLACE)
  expect(await run).toMatchObject({ acknowledged: 1, bad: 1, unknown: 0 })
  expect(bad).toEqual([[1, 'it was refused: no: ERR_MSG_SIZE_TOO_LARGE']])
})

test('any other refusal ends the run; what is under way is waited for and counted', async () => {
  const { clock, producer, sender } = setUp()
  const more = deferred<void>()
  async function* input(): AsyncGenerator<string> {
    yield '1\n2\n'
    await more.promise
    yield '3\n'
  }
  const run = sender.run(input())
  await clock.run(0)
  producer.answers[0]?.reject(refusal('ERR__MSG_TIMED_OUT'))
  await clock.run(0)
  more.resolve()
  await clock.run(0)
  producer.answers[1]?.resolve(PLACE)
  const tally = await run
  expect(tally).toMatchObject({ acknowledged: 1, unknown: 1, bad: 0 })
  expect(tally.failure).toContain('line 1: no: ERR__MSG_TIMED_OUT')
  expect(producer.sent).toHaveLength(2)
})

test('a rate spreads the records over time', async () => {
  const { clock, producer, sender } = setUp({ rate: 100 })
  const run = sender.run(text(Array.from({ length: 201 }, (_, n) => `${n}\n`).join('')))
  await clock.run(1_000)
  expect(producer.sent.length).toBeGreaterThanOrEqual(100)
  expect(producer.sent.length).toBeLessThanOrEqual(102)
  await clock.run(1_000)
  expect(producer.sent).toHaveLength(201)
  for (const answer of producer.answers) answer.resolve(PLACE)
  expect(await run).toMatchObject({ acknowledged: 201 })
})

test('an abort ends the reading, also one that waits for its turn', async () => {
  const abort = new AbortController()
  const { clock, producer, sender } = setUp({ rate: 0.1, signal: abort.signal })
  const run = sender.run(text('1\n2\n3\n'))
  await clock.run(1_000)
  expect(producer.sent).toHaveLength(1)
  abort.abort()
  await clock.run(0)
  producer.answers[0]?.resolve(PLACE)
  expect(await run).toMatchObject({ acknowledged: 1 })
  expect(producer.sent).toHaveLength(1)
})
