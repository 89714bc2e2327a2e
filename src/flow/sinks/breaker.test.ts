import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BreakerOptions, type Circuit, type CircuitStep, CLOSED, nextCircuit } from './breaker.ts'

const options: BreakerOptions = { failureThreshold: 3, cooldownMs: 1000 }

type Move = 'worked' | 'failed' | 'refused' | 'late failed' | 'late worked' | 'probe'

/** Plays moves as the lane makes them: a probe is answered before the next one starts. */
function play(moves: readonly { readonly move: Move; readonly wait: number }[]): { circuits: Circuit[]; at: number } {
  let circuit = CLOSED
  let at = 0
  const circuits = [circuit]
  for (const { move, wait } of moves) {
    at += wait
    const probe = circuit.phase === 'half-open' && !move.startsWith('late')
    const type = move.replace('late ', '') as CircuitStep['type']
    circuit = nextCircuit(circuit, { type, at, probe } as CircuitStep, options)
    circuits.push(circuit)
  }
  return { circuits, at }
}

const moves = fc.array(
  fc.record({
    move: fc.constantFrom<Move>('worked', 'failed', 'refused', 'late failed', 'late worked', 'probe'),
    wait: fc.integer({ min: 0, max: 1500 }),
  }),
  { maxLength: 60 },
)

test('it opens at the threshold of failures in a row, not before', () => {
  fc.assert(
    fc.property(moves, (played) => {
      const { circuits } = play(played)
      let row = 0
      played.forEach(({ move }, index) => {
        const before = circuits[index] as Circuit
        const after = circuits[index + 1] as Circuit
        if (before.phase !== 'closed') {
          row = 0
          return
        }
        if (move.endsWith('worked')) row = 0
        if (move.endsWith('failed')) row += 1
        const opens = move === 'refused' || row >= options.failureThreshold
        expect(after.phase).toBe(opens ? 'open' : 'closed')
        if (opens) row = 0
      })
    }),
  )
})

test('from anywhere, one cool-down and one success close it: it is never stuck', () => {
  fc.assert(
    fc.property(moves, (played) => {
      const { circuits, at } = play(played)
      let circuit = circuits.at(-1) as Circuit
      // A probe that is out is always answered.
      if (circuit.phase === 'half-open') circuit = nextCircuit(circuit, { type: 'failed', at, probe: true }, options)
      circuit = nextCircuit(circuit, { type: 'probe', at: at + options.cooldownMs }, options)
      expect(circuit.phase).not.toBe('open')
      expect(nextCircuit(circuit, { type: 'worked' }, options)).toEqual(CLOSED)
    }),
  )
})

test('it is half open only after a whole cool-down, and leaves that by the answer of its probe or by a success', () => {
  fc.assert(
    fc.property(moves, (played) => {
      const { circuits } = play(played)
      let at = 0
      played.forEach(({ move, wait }, index) => {
        at += wait
        const before = circuits[index] as Circuit
        const after = circuits[index + 1] as Circuit
        if (before.phase !== 'half-open' && after.phase === 'half-open') {
          expect(before.phase).toBe('open')
          if (before.phase === 'open') expect(at).toBeGreaterThanOrEqual(before.until)
        }
        if (before.phase === 'half-open' && move === 'late failed') expect(after).toBe(before)
        if (before.phase === 'half-open' && move === 'failed') {
          expect(after).toEqual({ phase: 'open', until: at + options.cooldownMs })
        }
      })
    }),
  )
})
