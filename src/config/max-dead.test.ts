import { expect, test } from 'vitest'
import { parseMaxDead } from './max-dead.ts'

test.each([
  ['5% / 10m', { share: 0.05, windowMs: 600_000 }],
  ['0.5%/30s', { share: 0.005, windowMs: 30_000 }],
  [' 50 % / 1 H ', { share: 0.5, windowMs: 3_600_000 }],
])('%s is a share and a time', (text, read) => {
  expect(parseMaxDead(text)).toEqual(read)
})

test.each([
  '',
  '5',
  '5%',
  '5% 10m',
  '0% / 10m',
  '100% / 10m',
  '-5% / 10m',
  '5% / 0m',
  '5% / 25h',
  '5% / 10d',
  'x5% / 10m',
])('%j is none', (text) => {
  expect(parseMaxDead(text)).toBeNull()
})
