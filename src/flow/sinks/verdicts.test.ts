import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ok, permanent, transient } from '../../../test/contract/scripted-sink.ts'
import { judge } from './verdicts.ts'

const verdict = fc.constantFrom(ok, permanent(), transient())
const batch = fc.array(verdict, { minLength: 1, maxLength: 20 })
const fresh = (length: number): number[] => Array.from({ length }, () => -1)

test('every record gets a decision of its own that its verdict allows', () => {
  fc.assert(
    fc.property(batch, fc.nat(6), fc.integer({ min: 1, max: 6 }), (verdicts, refusals, threshold) => {
      const { decisions } = judge(verdicts, fresh(verdicts.length), { refusals, successes: 3 }, threshold)
      const allowed = { ok: ['placed'], permanent: ['refused', 'kept'], transient: ['again'] }
      expect(decisions).toHaveLength(verdicts.length)
      verdicts.forEach((given, index) => {
        expect(allowed[given.ok ? 'ok' : given.kind]).toContain(decisions[index])
      })
    }),
  )
})

test('a sink that refuses everything costs at most threshold - 1 records, in whatever batches', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.constantFrom(permanent(), transient()), { minLength: 1, maxLength: 20 })),
      fc.integer({ min: 1, max: 6 }),
      (batches, threshold) => {
        let service = { refusals: 0, successes: 7 }
        let refused = 0
        for (const verdicts of batches) {
          // Kept ones come again, each time as ones that were kept since the last success.
          const judgement = judge(
            verdicts,
            verdicts.map((_, index) => (index % 2 ? 7 : -1)),
            service,
            threshold,
          )
          refused += judgement.decisions.filter((decision) => decision === 'refused').length
          service = judgement
        }
        expect(refused).toBeLessThanOrEqual(threshold - 1)
      },
    ),
  )
})

test('beside a record that is taken every refusal is answered, and the row begins again', () => {
  const judgement = judge([permanent(), ok, permanent(), transient()], fresh(4), { refusals: 4, successes: 1 }, 5)
  expect(judgement.decisions).toEqual(['refused', 'placed', 'refused', 'again'])
  expect(judgement).toMatchObject({ sink: 'worked', refusals: 0, successes: 2 })
})

test('what was kept is answered when it is refused again after the sink took another', () => {
  const service = { refusals: 0, successes: 2 }
  const judgement = judge([permanent(), permanent(), permanent()], [1, 2, 1], service, 1)
  expect(judgement.decisions).toEqual(['refused', 'kept', 'refused'])
})

test('a refusal that is answered shows that the sink works; transient failures and kept refusals do not', () => {
  const service = { refusals: 0, successes: 0 }
  expect(judge([permanent()], [-1], service, 5).sink).toBe('worked')
  expect(judge([permanent(), transient()], [-1, -1], service, 5).sink).toBe('failed')
  expect(judge([permanent(), permanent()], [-1, -1], service, 2).sink).toBe('refused')
})
