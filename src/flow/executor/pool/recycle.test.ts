import { expect, it } from 'vitest'
import { isIdle, isUsedUp, type ServedSoFar, whyReplace } from './recycle.ts'

const never = { afterTasks: 0, afterMs: 0, maxRssBytes: 0, idleMs: 0 }
const served: ServedSoFar = { tasks: 90, inFlight: 0, ageMs: 1000, idleMs: 500, rssBytes: 5000, outdated: false }

it.each([
  [null, never, {}],
  [null, { ...never, afterTasks: 101 }, {}],
  // Early, so that the next one is ready when it is needed.
  ['tasks', { ...never, afterTasks: 100 }, {}],
  ['age', { ...never, afterMs: 1000 }, {}],
  [null, { ...never, afterMs: 1001 }, {}],
  ['memory', { ...never, maxRssBytes: 4999 }, {}],
  [null, { ...never, maxRssBytes: 5000 }, {}],
  ['program-changed', never, { outdated: true }],
] as const)('replaced for %s under %j', (why, policy, more) => {
  expect(whyReplace(policy, { ...served, ...more })).toBe(why)
})

it('is used up at its number of tasks, not before', () => {
  expect([89, 90, 91].map((tasks) => isUsedUp({ ...never, afterTasks: 90 }, tasks))).toEqual([false, true, true])
  expect(isUsedUp(never, 1_000_000)).toBe(false)
})

it('is idle only with nothing in flight', () => {
  expect(isIdle({ ...never, idleMs: 500 }, served)).toBe(true)
  expect(isIdle({ ...never, idleMs: 500 }, { ...served, inFlight: 1 })).toBe(false)
  expect(isIdle(never, served)).toBe(false)
})
