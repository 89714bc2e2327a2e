import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeMetadata, encodeMetadata } from './codec.ts'
import { Ledger } from './ledger.ts'
import { saysDone, without } from './said.ts'

const at = { topic: 't', partition: 0 }

/** A ledger over offsets with gaps, of which some are settled. */
const ledgers = fc
  .array(fc.record({ gap: fc.integer({ min: 1, max: 3 }), done: fc.boolean() }), { minLength: 1, maxLength: 60 })
  .map((steps) => {
    const ledger = new Ledger(0)
    const fetched: { offset: number; done: boolean }[] = []
    let offset = 0
    for (const { gap, done } of steps) {
      ledger.fetched(offset)
      fetched.push({ offset, done })
      offset += gap
    }
    for (const { offset: at, done } of fetched) if (done) ledger.settle(at)
    return { ledger, fetched }
  })

test('a snapshot says done what was settled, and nothing else', () => {
  fc.assert(
    fc.property(ledgers, ({ ledger, fetched }) => {
      const said = ledger.snapshot()
      expect(fetched.map(({ offset }) => saysDone(said, offset))).toEqual(fetched.map(({ done }) => done))
    }),
  )
})

test('a hundred thousand offsets, as many as a partition may have ahead, can be left out', () => {
  const odd = Array.from({ length: 200_000 }, (_, n) => 2 * n + 1)
  const said = without({ offset: 400_001, map: null }, odd)
  expect(said.offset).toBe(1)
  expect(said.map?.unfinished.length).toBe(200_000)
})

test('without some offsets it says the same of all others, and can be encoded', () => {
  fc.assert(
    fc.property(ledgers, fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), ({ ledger, fetched }, hide) => {
      const hidden = new Set(fetched.filter((_, index) => hide[index]).map(({ offset }) => offset))
      const said = without(ledger.snapshot(), [...hidden])
      const expected = fetched.map(({ offset, done }) => done && !hidden.has(offset))
      expect(fetched.map(({ offset }) => saysDone(said, offset))).toEqual(expected)
      const { metadata } = encodeMetadata(at, 1, said)
      const decoded = decodeMetadata(at, said.offset, metadata)
      expect(decoded).toEqual({ ok: true, value: { owner: 1, map: said.map } })
    }),
  )
})
