import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FinishedMap } from './finished-map.ts'
import { Ledger } from './ledger.ts'

function filled(offsets: readonly number[], settled: readonly number[] = []): Ledger {
  const ledger = new Ledger(offsets[0] ?? 0)
  for (const offset of offsets) ledger.fetched(offset)
  for (const offset of settled) ledger.settle(offset)
  return ledger
}

describe('position', () => {
  it('is the start before anything was fetched, then the lowest unfinished, then one above the highest fetched', () => {
    const ledger = new Ledger(100)
    expect(ledger.position).toBe(100)
    ledger.fetched(105)
    ledger.fetched(109)
    expect(ledger.position).toBe(105)
    ledger.settle(109)
    expect(ledger.position).toBe(105)
    ledger.settle(105)
    expect(ledger.position).toBe(110)
  })

  it('stops at a hole that has gaps on both sides', () => {
    const ledger = filled([0, 3, 7, 9], [0, 7, 9])
    expect(ledger.position).toBe(3)
    expect(ledger.snapshot().map).toEqual({ horizon: 9, unfinished: [{ from: 3, to: 3 }] })
  })

  it('passes offsets that the log lost, once nothing below is unfinished', () => {
    const ledger = filled([0, 1], [0])
    ledger.skip(50)
    expect(ledger.position).toBe(1)
    ledger.settle(1)
    expect(ledger.position).toBe(50)
  })
})

describe('settle', () => {
  it('reports what was settled before and what was never fetched, and changes nothing', () => {
    const ledger = filled([0, 1, 5], [0, 5])
    const before = ledger.snapshot()
    expect([ledger.settle(0), ledger.settle(5), ledger.settle(3), ledger.settle(99)]).toEqual([
      'again',
      'again',
      'unknown',
      'unknown',
    ])
    expect(ledger.snapshot()).toEqual(before)
  })
})

describe('fetched', () => {
  it('does not run again what the restored map calls finished', () => {
    const map: FinishedMap = {
      horizon: 20,
      unfinished: [
        { from: 10, to: 11 },
        { from: 15, to: 15 },
      ],
    }
    const ledger = new Ledger(10, map)
    const answers = [10, 11, 12, 14, 15, 20, 21].map((offset) => ledger.fetched(offset))
    expect(answers).toEqual(['new', 'new', 'done', 'done', 'new', 'done', 'new'])
    expect(ledger.position).toBe(10)
  })

  it('keeps the part of the restored map that it has not reached', () => {
    const map: FinishedMap = {
      horizon: 20,
      unfinished: [
        { from: 10, to: 11 },
        { from: 15, to: 15 },
      ],
    }
    const ledger = new Ledger(10, map)
    expect(ledger.snapshot()).toMatchObject({ offset: 10, map })
    ledger.fetched(10)
    expect(ledger.snapshot()).toMatchObject({ offset: 10, map })
    ledger.settle(10)
    expect(ledger.snapshot()).toMatchObject({
      offset: 11,
      map: {
        horizon: 20,
        unfinished: [
          { from: 11, to: 11 },
          { from: 15, to: 15 },
        ],
      },
    })
  })

  it('knows offsets that came before, and tells one that should have come before', () => {
    const ledger = filled([0, 1, 5], [0])
    expect([ledger.fetched(0), ledger.fetched(1), ledger.fetched(5)]).toEqual(['known', 'known', 'known'])
    expect(ledger.fetched(3)).toBe('out_of_order')
  })
})

describe('acknowledged', () => {
  it('counts only what the acknowledged snapshot contained', () => {
    const ledger = filled([0, 1, 2], [0])
    const snapshot = ledger.snapshot()
    ledger.settle(1)
    ledger.acknowledged(snapshot)
    expect(ledger.committed).toBe(1)
    expect(ledger.dirty).toBe(true)
    ledger.acknowledged(ledger.snapshot())
    expect(ledger.dirty).toBe(false)
    ledger.fetched(3)
    expect(ledger.dirty).toBe(false)
  })
})

/** Fetches with gaps, settles in any order, some of them twice or unknown. */
const history = fc.record({
  start: fc.nat(1000),
  gaps: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 120 }),
  steps: fc.array(fc.nat(130), { maxLength: 160 }),
})

/** The same, said slowly: sets and loops. */
function slowly(fetched: readonly number[], done: ReadonlySet<number>, start: number) {
  const open = fetched.filter((offset) => !done.has(offset))
  const position = open[0] ?? (fetched.at(-1) ?? start - 1) + 1
  const doneAbove = fetched.filter((offset) => done.has(offset) && offset > position)
  return { position, horizon: doneAbove.at(-1) ?? null, unfinished: open.length, doneAhead: doneAbove.length }
}

describe('any history', () => {
  it('agrees with the slow account, never goes back, and its map is exact', () => {
    fc.assert(
      fc.property(history, ({ start, gaps, steps }) => {
        const ledger = new Ledger(start)
        const fetched: number[] = []
        const done = new Set<number>()
        let position = ledger.position
        let next = start
        let fetches = 0
        for (const step of steps) {
          if (step % 3 === 0 && fetches < gaps.length) {
            next += (gaps[fetches] as number) - 1
            fetches += 1
            ledger.fetched(next)
            fetched.push(next)
            next += 1
          } else {
            const offset = fetched[step % Math.max(1, fetched.length)] ?? step
            if (ledger.settle(offset) === 'settled') done.add(offset)
          }
          expect(ledger.position).toBeGreaterThanOrEqual(position)
          position = ledger.position
        }
        const truth = slowly(fetched, done, start)
        const { offset, map } = ledger.snapshot()
        expect({
          position: offset,
          horizon: map?.horizon ?? null,
          unfinished: ledger.unfinished,
          doneAhead: ledger.doneAhead,
        }).toEqual(truth)
        const restored = new Ledger(offset, map)
        for (const again of fetched.filter((one) => one >= offset)) {
          expect(restored.fetched(again)).toBe(done.has(again) ? 'done' : 'new')
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('keeps what is finished over any number of crashes, and calls nothing finished that is not', () => {
    const crashes = fc.array(fc.record({ fetch: fc.nat(40), settle: fc.array(fc.nat(60), { maxLength: 25 }) }), {
      minLength: 2,
      maxLength: 6,
    })
    const log = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 60, maxLength: 60 })
    fc.assert(
      fc.property(log, crashes, (gaps, owners) => {
        let last = -1
        const offsets = gaps.map((gap) => (last += gap))
        const done = new Set<number>()
        let ledger = new Ledger(0)
        for (const { fetch, settle } of owners) {
          const { offset, map } = ledger.snapshot()
          ledger = new Ledger(offset, map)
          const fetched = offsets.filter((one) => one >= offset).slice(0, fetch)
          for (const one of fetched) expect(ledger.fetched(one)).toBe(done.has(one) ? 'done' : 'new')
          for (const nth of settle) {
            const one = fetched[nth % Math.max(1, fetched.length)]
            if (one !== undefined && ledger.settle(one) === 'settled') done.add(one)
          }
          for (const one of offsets) if (one < ledger.position) expect(done.has(one)).toBe(true)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('survives growth, wrapping around and shrinking', () => {
    const ledger = new Ledger(0)
    for (let round = 0; round < 3; round += 1) {
      const base = round * 20_000
      for (let offset = base; offset < base + 20_000; offset += 2) ledger.fetched(offset)
      for (let offset = base + 19_998; offset > base; offset -= 2) ledger.settle(offset)
      expect(ledger.position).toBe(base)
      expect(ledger.snapshot().map).toEqual({ horizon: base + 19_998, unfinished: [{ from: base, to: base }] })
      ledger.settle(base)
      expect(ledger.position).toBe(base + 19_999)
      expect(ledger.span).toBe(0)
    }
  })
})
