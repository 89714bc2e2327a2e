import { expect, describe as group, test } from 'vitest'
import { judge } from './oracle/judge.ts'
import { describe, trace } from './report.ts'
import { live } from './schedule.ts'

/** One seed: `SIM_SEED=17` replays it and prints everything. `SIM_RUNS` seeds otherwise, from 1. */
const replayed = Number(process.env['SIM_SEED'] ?? 0)
const runs = replayed > 0 ? 0 : Number(process.env['SIM_RUNS'] ?? 1_000)
const BLOCK = 100

group.runIf(replayed > 0)('replay', () => {
  test(`seed ${replayed}`, async () => {
    const evidence = await live(replayed)
    const violations = judge(evidence)
    process.stdout.write(`${JSON.stringify(evidence.world.shape)}\n${trace(evidence)}\n`)
    expect(violations.length === 0 ? '' : describe(evidence, violations)).toBe('')
  })
})

group.runIf(runs > 0)('every statement holds in every history', () => {
  for (let from = 1; from <= runs; from += BLOCK) {
    const to = Math.min(runs, from + BLOCK - 1)
    test(`seeds ${from} to ${to}`, async () => {
      const red: string[] = []
      for (let seed = from; seed <= to; seed += 1) {
        const evidence = await live(seed)
        const violations = judge(evidence)
        if (violations.length > 0) red.push(describe(evidence, violations))
      }
      expect(red.slice(0, 3).join('\n\n')).toBe('')
    })
  }
})

test.runIf(runs > 0)('a seed always tells the same history', async () => {
  for (const seed of [3, 19]) {
    const first = trace(await live(seed))
    expect(trace(await live(seed))).toBe(first)
  }
})

/** Without these the statements would hold for want of anything that could break them. */
const WILD: Readonly<Record<string, number>> = {
  lost: 10,
  revoked: 100,
  already_done: 100,
  drain_timeout: 15,
  task_retried: 300,
  commit_failed: 30,
  dead_letter_failed: 30,
  sink_retried: 50,
  sink_skipped: 3,
  'held dead-letter': 10,
  'held sink kafka:out': 10,
  'paused backpressure:messages': 50,
}

test.runIf(runs > 0)('the histories are not tame', async () => {
  const seen = new Map<string, number>()
  for (let seed = 1; seed <= 100; seed += 1) {
    const { world } = await live(seed)
    for (const [kind, count] of world.announced) seen.set(kind, (seen.get(kind) ?? 0) + count)
  }
  const tooFew = Object.entries(WILD).filter(([kind, least]) => (seen.get(kind) ?? 0) < least)
  expect(tooFew.map(([kind, least]) => `${kind}: ${seen.get(kind) ?? 0} of ${least}`)).toEqual([])
})
