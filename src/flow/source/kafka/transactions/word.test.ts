import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ledger, METADATA_BUDGET, type Said, saysDone } from '../../../ledger/index.ts'
import { encoder, saidBy, tells, toldBy, wordFor } from './word.ts'

const at = { topic: 'jobs', partition: 3 }

interface Unit {
  readonly offsets: readonly number[]
  readonly barred: boolean
}

interface Scene {
  readonly ledger: Ledger
  readonly done: ReadonlySet<number>
  readonly fetched: readonly number[]
  readonly units: readonly Unit[]
  readonly budget: number
}

/** Offsets with gaps, some of them finished; some belong to units of one to four messages, near or far from each other. */
const scenes: fc.Arbitrary<Scene> = fc
  .record({
    steps: fc.array(
      fc.record({
        gap: fc.integer({ min: 1, max: 3 }),
        done: fc.boolean(),
        unit: fc.option(fc.integer({ min: 0, max: 40 }), { nil: null }),
      }),
      { minLength: 1, maxLength: 150 },
    ),
    barred: fc.array(fc.boolean(), { minLength: 41, maxLength: 41 }),
    budget: fc.oneof(fc.constant(METADATA_BUDGET), fc.integer({ min: 64, max: 120 })),
  })
  .map(({ steps, barred, budget }) => {
    const ledger = new Ledger(0)
    const groups = new Map<number, number[]>()
    const done = new Set<number>()
    const fetched: number[] = []
    let offset = 0
    for (const step of steps) {
      ledger.fetched(offset)
      fetched.push(offset)
      if (step.done) done.add(offset)
      if (step.unit !== null) groups.set(step.unit, [...(groups.get(step.unit) ?? []), offset])
      offset += step.gap
    }
    for (const each of done) ledger.settle(each)
    const units = [...groups].map(([unit, offsets]) => ({ offsets, barred: barred[unit] === true }))
    return { ledger, done, fetched, units, budget }
  })

function worded({ ledger, units, budget }: Scene): { told: Said; metadata: string } {
  const decode = (offset: number, metadata: string): Said => saidBy({ ...at, offset, metadata })
  const word = wordFor(ledger.snapshot(), units, (unit) => unit.barred, encoder(at, 7, budget), decode)
  return { told: decode(word.offset, word.metadata), metadata: word.metadata }
}

test('a commit tells all messages of a unit or none, none that is barred, and nothing that has not ended', () => {
  fc.assert(
    fc.property(scenes, (scene) => {
      const { told, metadata } = worded(scene)
      expect(metadata.length).toBeLessThanOrEqual(scene.budget)
      for (const offset of scene.fetched) if (saysDone(told, offset)) expect(scene.done.has(offset)).toBe(true)
      for (const unit of scene.units) {
        const said = unit.offsets.filter((offset) => saysDone(told, offset))
        expect([0, unit.offsets.length]).toContain(said.length)
        if (unit.barred) expect(said).toEqual([])
      }
      // What goes into the transaction is what the next owner will not run: no more, no less.
      expect(toldBy(told, scene.units)).toEqual(scene.units.filter((unit) => tells(told, unit)))
    }),
    { numRuns: 500 },
  )
})

test('where the map has room everything is told that has ended whole and is not barred', () => {
  fc.assert(
    fc.property(scenes, (scene) => {
      const roomy = { ...scene, budget: METADATA_BUDGET }
      const { told } = worded(roomy)
      const unitOf = new Map(scene.units.flatMap((unit) => unit.offsets.map((offset) => [offset, unit] as const)))
      for (const offset of scene.fetched) {
        const unit = unitOf.get(offset)
        const whole = unit === undefined || (!unit.barred && unit.offsets.every((each) => scene.done.has(each)))
        expect(saysDone(told, offset)).toBe(scene.done.has(offset) && whole)
      }
    }),
  )
})

test('a commit that tells a part of a unit is refused before it is sent', () => {
  const said = { offset: 5, map: null }
  expect(() => toldBy(said, [{ offsets: [4, 5] }])).toThrow('offsets 4, 5 end together')
})
