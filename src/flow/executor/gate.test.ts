import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { comparePriority, Gate, type Priority, type Ticket } from './gate.ts'

interface ModelEntry {
  readonly id: number
  readonly priority: Priority
  readonly seq: number
}

/** What the gate must do, written as slowly and plainly as possible. */
class Model {
  slots = 0
  waiting: ModelEntry[] = []
  taken = new Set<number>()

  admit(): { item: number; slot: number } | null {
    if (this.taken.size >= this.slots || this.waiting.length === 0) return null
    const sorted = this.waiting.toSorted((a, b) => comparePriority(a.priority, b.priority) || a.seq - b.seq)
    const first = sorted[0] as ModelEntry
    let slot = 0
    while (this.taken.has(slot)) slot += 1
    if (slot >= this.slots) return null
    this.waiting = this.waiting.filter((entry) => entry !== first)
    this.taken.add(slot)
    return { item: first.id, slot }
  }
}

const priority = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 3 }))
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('enter' as const), priority }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('admit' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), pick: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), pick: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('slots' as const), slots: fc.integer({ min: 1, max: 5 }) }) },
)

describe('Gate', () => {
  it('does what the plain model does, for every history', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const gate = new Gate<number>(2)
        const model = new Model()
        model.slots = 2
        const tickets: Ticket<number>[] = []
        const running: number[] = []
        for (const one of steps) {
          if (one.kind === 'enter') {
            const id = tickets.length
            const ticket = gate.enter(id, one.priority)
            tickets.push(ticket)
            model.waiting.push({ id, priority: one.priority, seq: ticket.seq })
          } else if (one.kind === 'admit') {
            const admitted = gate.admit()
            expect(admitted).toEqual(model.admit())
            if (admitted !== null) running.push(admitted.slot)
          } else if (one.kind === 'release' && running.length > 0) {
            const [slot] = running.splice(one.pick % running.length, 1) as [number]
            gate.release(slot)
            model.taken.delete(slot)
          } else if (one.kind === 'withdraw' && tickets.length > 0) {
            const id = one.pick % tickets.length
            const waits = model.waiting.some((entry) => entry.id === id)
            expect(gate.withdraw(tickets[id] as Ticket<number>)).toBe(waits)
            model.waiting = model.waiting.filter((entry) => entry.id !== id)
          } else if (one.kind === 'slots') {
            gate.setSlots(one.slots)
            model.slots = one.slots
          }
          expect(gate.running).toBe(model.taken.size)
          expect(gate.waiting).toBe(model.waiting.length)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('compares arrays element by element, a shorter beginning first', () => {
    expect(comparePriority([1, 2], [1, 3])).toBeLessThan(0)
    expect(comparePriority([1], [1, 0])).toBeLessThan(0)
    expect(comparePriority(1, [1])).toBe(0)
    expect(comparePriority(2, [1, 9])).toBeGreaterThan(0)
    expect(comparePriority(Number.NaN, 5)).toBeGreaterThan(0)
  })

  it('puts something back where it stood', () => {
    const gate = new Gate<string>(1)
    const first = gate.enter('first', 0)
    gate.enter('second', 0)
    expect(gate.admit()?.item).toBe('first')
    gate.release(0)
    gate.enter('first', 0, first.seq)
    expect(gate.admit()?.item).toBe('first')
  })

  it('forgets withdrawn entries before they come up', () => {
    const gate = new Gate<number>(1)
    const tickets = Array.from({ length: 5_000 }, (_, id) => gate.enter(id, 5_000 - id))
    for (const ticket of tickets.slice(0, 4_999)) gate.withdraw(ticket)
    expect(gate.waiting).toBe(1)
    expect(gate.admit()).toEqual({ item: 4_999, slot: 0 })
    expect(gate.admit()).toBeNull()
  })

  it('refuses to have no slot', () => {
    expect(() => new Gate(0)).toThrow(RangeError)
  })
})
