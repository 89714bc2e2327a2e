import { deepStrictEqual, ok, throws } from 'node:assert/strict'
import type { Sink, SinkRecord } from '../flow/sinks/index.ts'

/** A sink under test, and how to look behind it. */
export interface SinkUnderTest {
  /** Not connected yet; each check makes its own. */
  readonly sink: Sink
  /** A payload, as a handler returns it, that carries this text. */
  payload(text: string): Record<string, unknown>
  /** Changes a payload of `payload()` after it was accepted. */
  spoil(payload: Record<string, unknown>): void
  /** Payloads that can never be delivered: `accept` must refuse each. At least one. */
  readonly bad: readonly unknown[]
  /** The texts that are in the place behind the sink now. */
  written(): Promise<readonly string[]>
  /** False where the place keeps no order, as in a table without one; then `written()` may answer in any. Default true. */
  readonly ordered?: boolean
  /** True where a record that comes again under its id is in the place once. Default false. */
  readonly idempotent?: boolean
  /** A payload that `accept` takes and the place refuses for what it is, if there is one: its neighbours must not suffer. */
  refused?(): Record<string, unknown>
  /** Called after `sink.close()`, also where the check failed. */
  cleanUp(): Promise<void>
}

/** `test` of vitest, of node:test, or of any runner that takes a name and an asynchronous function. */
export type TestFunction = (name: string, body: () => Promise<void>) => unknown

type Check = (made: SinkUnderTest) => Promise<void>

const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
const { signal } = new AbortController()
const PLACED = { ok: true }

/**
 * Declares, with the runner's own `test`, one test for everything that a sink owes the delivery: what it acknowledged is
 * there; payloads are taken once; what can never be delivered is refused before it is sent; calls may overlap; and where
 * the sink says so, a record that comes again is there once and one bad record does not fail its batch.
 *
 * A check fails with an `AssertionError`; `makeSink` is called once for each.
 */
export function sinkContract(test: TestFunction, name: string, makeSink: () => Promise<SinkUnderTest>): void {
  for (const [title, check] of Object.entries(CHECKS)) {
    test(`${name} keeps the contract of a sink: ${title}`, async () => {
      const made = await makeSink()
      try {
        await check(made)
      } finally {
        await made.sink.close()
        await made.cleanUp()
      }
    })
  }
}

const CHECKS: Readonly<Record<string, Check>> = {
  'what it acknowledged is there when it answers': async (made) => {
    await made.sink.connect()
    const first = await made.sink.deliver([record(made, 'a'), record(made, 'b')], signal)
    await holds(made, ['a', 'b'])
    const second = await made.sink.deliver([record(made, 'c')], signal)
    deepStrictEqual([...first, ...second], [PLACED, PLACED, PLACED])
    await holds(made, ['a', 'b', 'c'])
  },

  'a payload is taken when it is accepted: later changes change nothing': async (made) => {
    await made.sink.connect()
    const payload = made.payload('kept')
    const accepted = made.sink.accept(payload)
    made.spoil(payload)
    deepStrictEqual(await made.sink.deliver([{ id: 'x', payload: accepted, assignment }], signal), [PLACED])
    await holds(made, ['kept'])
  },

  'what can never be delivered is refused with a reason before it is sent': async (made) => {
    ok(made.bad.length > 0, '`bad` must name at least one payload that the sink refuses')
    for (const payload of made.bad) throws(() => made.sink.accept(payload), /\w{3}/, 'accept() took a payload of `bad`')
  },

  'an accepted payload has a size': async (made) => {
    const size = (text: string): number => made.sink.size(made.sink.accept(made.payload(text)))
    ok(size('a') > 0, 'size() of a small payload must be more than 0')
    ok(size('a'.repeat(10_000)) >= 10_000, 'size() must grow with the payload')
  },

  'an empty batch is answered with nothing': async (made) => {
    await made.sink.connect()
    deepStrictEqual(await made.sink.deliver([], signal), [])
  },

  'calls that overlap (after a deadline) keep every acknowledged record': async (made) => {
    await made.sink.connect()
    const texts = Array.from({ length: 40 }, (_, index) => `t${index}`)
    const answers = await Promise.all(texts.map((text) => made.sink.deliver([record(made, text)], signal)))
    deepStrictEqual(
      texts.filter((_, index) => answers[index]?.[0]?.ok),
      texts,
    )
    deepStrictEqual([...(await made.written())].sort(), [...texts].sort())
  },

  'a record that comes again is there once, where the sink says so': async (made) => {
    if (made.idempotent !== true) return
    await made.sink.connect()
    const batch = [record(made, 'a'), record(made, 'b')]
    deepStrictEqual(await made.sink.deliver(batch, signal), [PLACED, PLACED])
    deepStrictEqual(await made.sink.deliver([...batch, record(made, 'c')], signal), [PLACED, PLACED, PLACED])
    deepStrictEqual([...(await made.written())].sort(), ['a', 'b', 'c'])
  },

  'a record that the place refuses does not fail its batch': async (made) => {
    if (made.refused === undefined) return
    await made.sink.connect()
    const refused = { id: 'jobs:0:refused:0/x:y/0', payload: made.sink.accept(made.refused()), assignment }
    const verdicts = await made.sink.deliver([record(made, 'a'), refused, record(made, 'b')], signal)
    deepStrictEqual(
      verdicts.map((verdict) => (verdict.ok ? 'placed' : verdict.kind)),
      ['placed', 'permanent', 'placed'],
    )
    await holds(made, ['a', 'b'])
  },

  'it can be closed twice': async (made) => {
    await made.sink.connect()
    await made.sink.close()
    await made.sink.close()
  },
}

function record(made: SinkUnderTest, text: string): SinkRecord {
  return { id: `jobs:0:${text}:0/x:y/0`, payload: made.sink.accept(made.payload(text)), assignment }
}

async function holds(made: SinkUnderTest, texts: readonly string[]): Promise<void> {
  const written = await made.written()
  deepStrictEqual(made.ordered === false ? [...written].sort() : [...written], [...texts])
}
