import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Intake } from './intake.ts'

/** Partitions of one worker, as they are paused now. */
function worker(partitions: number, options: { high: number; low: number; highBytes?: number; lowBytes?: number }) {
  const intake = new Intake({
    highMessages: options.high,
    lowMessages: options.low,
    highBytes: options.highBytes ?? Number.POSITIVE_INFINITY,
    lowBytes: options.lowBytes ?? Number.POSITIVE_INFINITY,
  })
  const paused = Array.from({ length: partitions }, () => new Set<string>())
  const accounts = paused.map((reasons) =>
    intake.open(
      (reason) => void reasons.add(reason),
      (reason) => void reasons.delete(reason),
    ),
  )
  return { intake, paused, accounts }
}

describe('the totals are the ancestor’s', () => {
  for (const [slots, high, low, pauseAt, resumeAt] of [
    [4, 32, 4, 128, 16],
    [80, 16, 4, 1280, 320],
    [80, 8, 2, 640, 160],
  ] as const) {
    it(`${slots} slots, x${high} and x${low}: pauses at ${pauseAt}, resumes at ${resumeAt}`, () => {
      const { paused, accounts } = worker(1, { high: slots * high, low: slots * low })
      const [account] = accounts
      for (let taken = 0; taken < pauseAt - 1; taken += 1) account?.add(1, 0)
      expect(paused[0]?.size).toBe(0)
      account?.add(1, 0)
      expect(paused[0]).toContain('backpressure:messages')
      for (let left = pauseAt; left > resumeAt + 1; left -= 1) account?.add(-1, 0)
      expect(paused[0]?.size).toBe(1)
      account?.add(-1, 0)
      expect(paused[0]?.size).toBe(0)
    })
  }
})

it('other marks hold from now on: what is below the new low one flows again', () => {
  const { intake, paused, accounts } = worker(2, { high: 40, low: 4 })
  accounts[0]?.add(40, 0)
  accounts[1]?.add(5, 0)
  expect(paused[0]?.size).toBe(1)
  const bytes = { highBytes: Number.POSITIVE_INFINITY, lowBytes: Number.POSITIVE_INFINITY }
  intake.setMarks({ highMessages: 400, lowMessages: 50, ...bytes })
  expect(paused[0]?.size).toBe(0)
  intake.setMarks({ highMessages: 20, lowMessages: 2, ...bytes })
  expect(paused[0]?.size).toBe(0)
  accounts[0]?.add(1, 0)
  expect(paused.map((reasons) => reasons.size)).toEqual([1, 0])
})

describe('fairness', () => {
  it('a busy partition is paused, one below its share is not', () => {
    const { paused, accounts } = worker(4, { high: 100, low: 20 })
    accounts[0]?.add(99, 0)
    accounts[1]?.add(1, 0)
    accounts[0]?.add(1, 0)
    expect(paused.map((reasons) => reasons.size)).toEqual([1, 0, 0, 0])
    accounts[1]?.add(23, 0)
    expect(paused[1]?.size).toBe(0)
    accounts[1]?.add(1, 0)
    expect(paused[1]?.size).toBe(1)
  })

  it('one that has nothing left flows again although the others still hold much', () => {
    const { paused, accounts } = worker(2, { high: 100, low: 20 })
    accounts[0]?.add(80, 0)
    accounts[1]?.add(60, 0)
    expect(paused[1]?.size).toBe(1)
    accounts[1]?.add(-50, 0)
    expect(paused[1]?.size).toBe(0)
  })

  it('a partition that is given up takes its account with it', () => {
    const { intake, paused, accounts } = worker(2, { high: 100, low: 20 })
    accounts[0]?.add(10, 0)
    accounts[1]?.add(100, 0)
    accounts[0]?.add(40, 0)
    expect(paused[0]?.size).toBe(1)
    accounts[1]?.close()
    accounts[0]?.add(-40, 0)
    expect(intake.messages).toBe(10)
    expect(paused[0]?.size).toBe(0)
  })
})

describe('for any history', () => {
  it('what is held is bounded, nobody stays paused on an empty worker, and sums are right', () => {
    const step = fc.record({ partition: fc.nat(3), take: fc.boolean(), bytes: fc.nat(50) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const high = 40
        const { intake, paused, accounts } = worker(4, { high, low: 8, highBytes: 600, lowBytes: 200 })
        const held: number[][] = [[], [], [], []]
        for (const { partition, take, bytes } of steps) {
          const mine = held[partition] as number[]
          if (take && paused[partition]?.size === 0) {
            mine.push(bytes)
            accounts[partition]?.add(1, bytes)
          } else {
            const gone = mine.pop()
            if (gone !== undefined) accounts[partition]?.add(-1, -gone)
          }
          // The high mark, and at most a fair share more for each partition that was below its own.
          expect(intake.messages).toBeLessThanOrEqual(high + 4 * Math.ceil(high / 4))
          expect(intake.messages).toBe(held.flat().length)
          expect(intake.bytes).toBe(held.flat().reduce((sum, each) => sum + each, 0))
        }
        for (const [partition, mine] of held.entries()) for (const bytes of mine) accounts[partition]?.add(-1, -bytes)
        expect(paused.every((reasons) => reasons.size === 0)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
