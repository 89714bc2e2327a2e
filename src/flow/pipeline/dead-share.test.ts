import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DeadShare, type MaxDead } from './dead-share.ts'

/** The same by remembering every end. */
function naive(limit: MaxDead): (now: number, dead: boolean) => boolean {
  const ends: { readonly slice: number; readonly dead: boolean }[] = []
  const sliceOf = (now: number): number => Math.floor(now / (limit.windowMs / 60))
  return (now, dead) => {
    ends.push({ slice: sliceOf(now), dead })
    const inWindow = ends.filter(({ slice }) => slice > sliceOf(now) - 60)
    const deaths = inWindow.filter((end) => end.dead).length
    return dead && deaths >= limit.least && deaths > limit.share * inWindow.length
  }
}

test('for any ends at any times: it says what an endless memory would say', () => {
  fc.assert(
    fc.property(
      fc.record({
        share: fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        windowMs: fc.integer({ min: 1000, max: 100_000 }),
        least: fc.integer({ min: 1, max: 10 }),
      }),
      fc.array(fc.record({ after: fc.oneof(fc.nat(50), fc.nat(5_000), fc.nat(200_000)), dead: fc.boolean() }), {
        maxLength: 200,
      }),
      (limit, ends) => {
        const share = new DeadShare(limit)
        const model = naive(limit)
        let now = 12_345
        for (const { after, dead } of ends) {
          now += after
          expect(share.note(now, dead)).toBe(model(now, dead))
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('few dead letters are never too many, and the share is of all that ended', () => {
  const share = new DeadShare({ share: 0.1, windowMs: 60_000, least: 3 })
  expect([share.note(0, true), share.note(0, true)]).toEqual([false, false])
  expect(share.note(0, true)).toBe(true)
  share.clear()
  for (let at = 0; at < 37; at += 1) expect(share.note(at, false)).toBe(false)
  expect([1, 2, 3, 4].map(() => share.note(100, true))).toEqual([false, false, false, false])
  expect(share.note(100, true)).toBe(true)
  expect([share.dead, share.ended]).toEqual([5, 42])
})
