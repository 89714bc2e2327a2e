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
  expect(batchDelay({ records: 1, bytes: 1, oldestAt: 5 }, 0, 10, options)).toBe(15)
  expect(batchDelay({ records: 1, bytes: 1, oldestAt: 5 }, 0, 30, options)).toBe(0)
  expect(batchDelay({ records: 3, bytes: 3, oldestAt: 5 }, 0, 5, options)).toBe(0)
  expect(batchDelay({ records: 1, bytes: 100, oldestAt: 5 }, 0, 5, options)).toBe(0)
  expect(batchDelay({ records: 1, bytes: 1, oldestAt: 5 }, 0, 5, DEFAULT_BATCH)).toBe(0)
})

test('a batch keeps its distance to the one before, unless it is full or the first after a rest', () => {
  const options = { ...DEFAULT_BATCH, paceMs: 5, maxRecords: 3 }
  expect(batchDelay({ records: 2, bytes: 2, oldestAt: 11 }, 10, 12, options)).toBe(3)
  expect(batchDelay({ records: 2, bytes: 2, oldestAt: 11 }, 10, 15, options)).toBe(0)
  expect(batchDelay({ records: 3, bytes: 3, oldestAt: 11 }, 10, 12, options)).toBe(0)
  expect(batchDelay({ records: 1, bytes: 1, oldestAt: 12 }, Number.NEGATIVE_INFINITY, 12, options)).toBe(0)
  expect(batchDelay({ records: 1, bytes: 1, oldestAt: 11 }, 10, 11, { ...options, lingerMs: 20 })).toBe(20)
})
