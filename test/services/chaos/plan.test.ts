import { expect, test } from 'vitest'
import { planOf } from './director.ts'
import { seeded } from './random.ts'

test('whatever the seed says, every act takes place, and never without a worker', () => {
  for (let seed = 0; seed < 500; seed += 1) {
    const options = {
      seed,
      messages: 200_000,
      kills: 20,
      joins: 8,
      leaves: 8,
      restarts: 3,
      restartBroker: () => Promise.resolve(),
      withinMs: 1000,
      say: () => undefined,
    }
    const plan = planOf(options, seeded(seed))
    const acts = [...Map.groupBy(plan, ({ what }) => what)]
    expect(Object.fromEntries(acts.map(([what, of]) => [what, of.length]))).toEqual({
      kill: 20,
      join: 8,
      leave: 8,
      'restart the broker': 3,
    })
    expect(plan.map(({ at }) => at)).toEqual(plan.map(({ at }) => at).toSorted((a, b) => a - b))
    let alive = 3
    for (const { what } of plan) {
      alive += what === 'join' ? 1 : what === 'leave' ? -1 : 0
      expect(alive, `seed ${seed}`).toBeGreaterThan(0)
    }
  }
})
