import { describe, expect, test } from 'vitest'
import type { Sink, SinkRecord } from '../../src/flow/sinks/index.ts'

/** A sink under test, and how to look behind it. */
export interface SinkUnderTest {
  /** Not connected yet. */
  readonly sink: Sink
  /** A payload, as a handler returns it, that carries this text. */
  payload(text: string): Record<string, unknown>
  /** Changes a payload of `payload()` after it was accepted. */
  spoil(payload: Record<string, unknown>): void
  /** Payloads that can never be delivered. */
  readonly bad: readonly unknown[]
  /** The texts that are in the place behind the sink now, in order. */
  written(): Promise<readonly string[]>
  cleanUp(): Promise<void>
}

const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }

/** What every sink owes the delivery. */
export function sinkContract(name: string, makeSink: () => Promise<SinkUnderTest>): void {
  const using = (run: (made: SinkUnderTest) => Promise<void>) => async (): Promise<void> => {
    const made = await makeSink()
    try {
      await run(made)
    } finally {
      await made.sink.close()
      await made.cleanUp()
    }
  }
  const record = (made: SinkUnderTest, text: string): SinkRecord => ({
    id: `jobs:0:${text}:0/x:y/0`,
    payload: made.sink.accept(made.payload(text)),
    assignment,
  })
  const { signal } = new AbortController()

  describe(`${name} keeps the contract of a sink`, () => {
    test(
      'what it acknowledged is there when it answers, in order',
      using(async (made) => {
        await made.sink.connect()
        const first = await made.sink.deliver([record(made, 'a'), record(made, 'b')], signal)
        expect(await made.written()).toEqual(['a', 'b'])
        const second = await made.sink.deliver([record(made, 'c')], signal)
        expect([...first, ...second]).toEqual([{ ok: true }, { ok: true }, { ok: true }])
        expect(await made.written()).toEqual(['a', 'b', 'c'])
      }),
    )

    test(
      'a payload is taken when it is accepted: later changes change nothing',
      using(async (made) => {
        await made.sink.connect()
        const payload = made.payload('kept')
        const accepted = made.sink.accept(payload)
        made.spoil(payload)
        const verdicts = await made.sink.deliver([{ id: 'x', payload: accepted, assignment }], signal)
        expect(verdicts).toEqual([{ ok: true }])
        expect(await made.written()).toEqual(['kept'])
      }),
    )

    test(
      'what can never be delivered is refused with a reason before it is sent',
      using(async (made) => {
        expect(made.bad.length).toBeGreaterThan(0)
        for (const payload of made.bad) expect(() => made.sink.accept(payload)).toThrow(/\w{3}/)
      }),
    )

    test(
      'an accepted payload has a size',
      using(async (made) => {
        const small = made.sink.size(made.sink.accept(made.payload('a')))
        const large = made.sink.size(made.sink.accept(made.payload('a'.repeat(10_000))))
        expect(small).toBeGreaterThan(0)
        expect(large).toBeGreaterThanOrEqual(10_000)
      }),
    )

    test(
      'an empty batch is answered with nothing',
      using(async (made) => {
        await made.sink.connect()
        expect(await made.sink.deliver([], signal)).toEqual([])
      }),
    )

    test(
      'calls that overlap (after a deadline) keep every acknowledged record',
      using(async (made) => {
        await made.sink.connect()
        const texts = Array.from({ length: 40 }, (_, index) => `t${index}`)
        const calls = texts.map((text) => made.sink.deliver([record(made, text)], signal))
        const verdicts = (await Promise.all(calls)).flat()
        const acknowledged = texts.filter((_, index) => verdicts[index]?.ok)
        expect(acknowledged).toEqual(texts)
        expect([...(await made.written())].sort()).toEqual([...texts].sort())
      }),
    )

    test(
      'it can be closed twice',
      using(async (made) => {
        await made.sink.connect()
        await made.sink.close()
        await made.sink.close()
      }),
    )
  })
}
