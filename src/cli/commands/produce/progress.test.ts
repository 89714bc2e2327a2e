import { expect, test } from 'vitest'
import { progressLine } from './progress.ts'

test('without a known size: counts and rate', () => {
  expect(progressLine({ acknowledged: 12_000, bad: 0, readBytes: 9 }, 4)).toBe('12,000 acknowledged · 3,000/s')
  expect(progressLine({ acknowledged: 0, bad: 2, readBytes: 9 }, 0)).toBe('0 acknowledged · 0/s · 2 bad')
})

test('with one: a bar that never overflows, in less than 80 columns', () => {
  const half = progressLine({ acknowledged: 1, bad: 0, readBytes: 50 }, 1, 100)
  expect(half).toBe(`${'━'.repeat(12)}${'╌'.repeat(12)}  50 % · 1 acknowledged · 1/s`)
  const over = progressLine({ acknowledged: 123_456_789, bad: 1_234, readBytes: 500 }, 1, 100)
  expect(over).toContain('100 %')
  expect(over.length).toBeLessThan(90)
})
