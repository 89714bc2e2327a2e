import { describe, expect, test } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { judge } from './oracle/judge.ts'
import { live } from './schedule.ts'

/** Far fewer than the standard histories: a bug that needs more would be found there by luck only. */
const SEEDS = 200

/** The first seed in which a statement of these breaks. */
async function found(name: string, breaks: readonly string[]): Promise<{ seed: number; statement: string } | null> {
  const mutant = MUTANTS.find((each) => each.name === name)?.mutant
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const broken = judge(await live(seed, mutant)).find(({ statement }) => breaks.includes(statement))
    if (broken !== undefined) return { seed, statement: broken.statement }
  }
  return null
}

describe('a deliberate bug breaks a statement', () => {
  for (const { name, breaks } of MUTANTS) {
    test(name, async () => {
      expect(await found(name, breaks)).not.toBeNull()
    })
  }
})
