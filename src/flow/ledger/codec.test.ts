import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMetadata, encodeMetadata, METADATA_BUDGET } from './codec.ts'
import type { FinishedMap } from './finished-map.ts'
import { Ledger } from './ledger.ts'

const at = { topic: 'jobs', partition: 3 }

/** A map above `offset`: pairs of (unfinished length, finished length). */
function mapOf(offset: number, pairs: readonly (readonly [number, number])[]): FinishedMap | null {
  const unfinished = []
  let next = offset
  for (const [open, done] of pairs) {
    unfinished.push({ from: next, to: next + open - 1 })
    next += open + done
  }
  return pairs.length === 0 ? null : { horizon: next - 1, unfinished }
}

const pairs = fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 5000 })), {
  maxLength: 200,
})
const place = fc.record({ topic: fc.stringMatching(/^[a-z._-]{1,20}$/), partition: fc.nat(10_000) })
const offset = fc.oneof(fc.nat(10_000), fc.nat(2 ** 48))
const owner = fc.oneof(fc.nat(300), fc.nat(2 ** 50))

describe('encode, then decode', () => {
  it('gives the same map and owner back', () => {
    fc.assert(
      fc.property(place, offset, owner, pairs, (here, base, who, some) => {
        const map = mapOf(base, some)
        const { metadata, fill } = encodeMetadata(here, who, { offset: base, map })
        expect(metadata.length).toBeLessThanOrEqual(METADATA_BUDGET)
        expect(fill).toBeLessThanOrEqual(1)
        expect(decodeMetadata(here, base, metadata)).toEqual({ ok: true, value: { owner: who, map } })
      }),
      { numRuns: 8000 },
    )
  })

  it('reads it also with the NUL that clients add and without the character that they cut', () => {
    const map = mapOf(10, [[1, 4]])
    const { metadata } = encodeMetadata(at, 7, { offset: 10, map })
    for (const seen of [metadata, `${metadata}\0`, metadata.slice(0, -1)]) {
      expect(decodeMetadata(at, 10, seen)).toEqual({ ok: true, value: { owner: 7, map } })
    }
  })

  it('takes about one byte for each lone unfinished offset among many finished', () => {
    const map = mapOf(
      1_000_000,
      Array.from({ length: 256 }, () => [1, 60] as const),
    )
    expect(encodeMetadata(at, 12, { offset: 1_000_000, map }).metadata.length).toBeLessThan(400)
  })
})

describe('what does not fit', () => {
  it('lowers the horizon: everything that it calls finished is finished, and the rest is only unknown', () => {
    fc.assert(
      fc.property(offset, pairs, fc.integer({ min: 64, max: 400 }), (base, some, budget) => {
        const map = mapOf(base, some)
        const { metadata, fill } = encodeMetadata(at, 9, { offset: base, map }, budget)
        expect(metadata.length).toBeLessThanOrEqual(budget)
        const decoded = decodeMetadata(at, base, metadata)
        if (!decoded.ok) throw new Error(decoded.reason)
        const kept = decoded.value.map
        expect(decoded.value.owner).toBe(9)
        if (kept === null || map === null) return
        expect(kept.horizon).toBeLessThanOrEqual(map.horizon)
        expect(kept.unfinished).toEqual(map.unfinished.filter((range) => range.from < kept.horizon))
        if (kept.horizon < map.horizon) expect(fill).toBe(1)
      }),
      { numRuns: 8000 },
    )
  })

  it('never calls an unfinished offset finished, from ledger to ledger', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 400 }), (done) => {
        const ledger = new Ledger(0)
        done.forEach((_, index) => ledger.fetched(index))
        done.forEach((is, index) => is && ledger.settle(index))
        const snapshot = ledger.snapshot()
        const { metadata } = encodeMetadata(at, 1, snapshot, 64)
        const decoded = decodeMetadata(at, snapshot.offset, metadata)
        if (!decoded.ok) throw new Error(decoded.reason)
        const restored = new Ledger(snapshot.offset, decoded.value.map)
        for (let index = snapshot.offset; index < done.length; index += 1) {
          if (restored.fetched(index) === 'done') expect(done[index]).toBe(true)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('anything else is refused', () => {
  const written = fc.tuple(offset, owner, pairs).map(([base, who, some]) => {
    return { base, metadata: encodeMetadata(at, who, { offset: base, map: mapOf(base, some) }).metadata }
  })

  it('when one character of it changed', () => {
    fc.assert(
      fc.property(written, fc.nat(), fc.nat(127), ({ base, metadata }, where, code) => {
        const index = where % (metadata.length - 1) // the last one carries nothing: clients cut it
        const changed = metadata.slice(0, index) + String.fromCharCode(code) + metadata.slice(index + 1)
        if (changed !== metadata) expect(decodeMetadata(at, base, changed).ok).toBe(false)
      }),
      { numRuns: 20_000 },
    )
  })

  it('when it was cut, or stands beside another topic, partition or offset', () => {
    fc.assert(
      fc.property(written, fc.nat(), place, offset, ({ base, metadata }, where, other, another) => {
        expect(decodeMetadata(at, base, metadata.slice(0, where % (metadata.length - 1))).ok).toBe(false)
        if (another !== base) expect(decodeMetadata(at, another, metadata).ok).toBe(false)
        expect(decodeMetadata(at, base + 1, metadata).ok).toBe(false)
        expect(decodeMetadata({ topic: at.topic, partition: other.partition + 4 }, base, metadata).ok).toBe(false)
        if (other.topic !== at.topic) {
          expect(decodeMetadata({ topic: other.topic, partition: at.partition }, base, metadata).ok).toBe(false)
        }
      }),
      { numRuns: 10_000 },
    )
  })

  it('when it is garbage, whatever it looks like', () => {
    const looksRight = fc.stringMatching(/^[A-Za-z0-9_-]{0,80}$/).map((text) => `v1;${text};~`)
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 200 }), looksRight), offset, (text, base) => {
        expect(decodeMetadata(at, base, text).ok).toBe(false)
      }),
      { numRuns: 40_000 },
    )
  })

  it('when it is huge, without reading it', () => {
    expect(decodeMetadata(at, 0, `v1;${'A'.repeat(50_000_000)};~`)).toEqual({
      ok: false,
      reason: 'longer than 4096 characters',
    })
  })
})
