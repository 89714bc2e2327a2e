import { expect, test } from 'vitest'
import { batchDelay, DEFAULT_BATCH, fits } from './batcher.ts'

test('a record fits while both limits hold, and alone whatever its size', () => {
  const options = { ...DEFAULT_BATCH, maxRecords: 3, maxBytes: 100 }
  expect(fits(0, 0, 1000, options)).toBe(true)
  expect(fits(1, 60, 40, options)).toBe(true)
  expect(fits(1, 60, 41, options)).toBe(false)
  expect(fits(2, 2, 1, options)).toBe(true)
  expect(fits(3, 3, 1, options)).toBe(false)
})

test('a batch waits for its first record to have lingered, or goes at once when it is full', () => {
  const options = { ...DEFAULT_BATCH, lingerMs: 20, maxRecords: 3, maxBytes: 100 }
  expect(batchDelay({ records: 1, bytes: 1, oldestAt: 5 }, 10, options)).toBe(15)
  expect(batchDelay({ records: 1, bytes: 1, oldestAt: 5 }, 30, options)).toBe(0)
  expect(batchDelay({ records: 3, bytes: 3, oldestAt: 5 }, 5, options)).toBe(0)
  expect(batchDelay({ records: 1, bytes: 100, oldestAt: 5 }, 5, options)).toBe(0)
  expect(batchDelay({ records: 1, bytes: 1, oldestAt: 5 }, 5, DEFAULT_BATCH)).toBe(0)
})
