import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WorkerEvent } from '../../model/index.ts'
import { HoldRegistry } from './holds.ts'

const at = (partition: number) => ({ topic: 'jobs', partition })

describe('holds', () => {
  it('add up: a partition flows when the last one of its last reason is gone, whatever is released twice', () => {
    const action = fc.record({
      partition: fc.nat(2),
      reason: fc.constantFrom('binary', 'sink', 'arrange'),
      release: fc.nat(40),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const events: WorkerEvent[] = []
        const held = new Set<string>()
        const registry = new HoldRegistry((event) => void events.push(event))
        registry.watch((place, reason, is) => {
          const key = `${place.partition} ${reason}`
          expect(held.has(key)).toBe(!is)
          if (is) held.add(key)
          else held.delete(key)
        })
        const placed: { key: string; release: () => void; live: boolean }[] = []
        for (const { partition, reason, release } of actions) {
          const key = `${partition} ${reason}`
          placed.push({ key, release: registry.place(at(partition), { reason, detail: '' }), live: true })
          const victim = placed[release]
          victim?.release()
          victim?.release()
          if (victim !== undefined) victim.live = false
          expect([...held].toSorted()).toEqual(
            [...new Set(placed.filter((each) => each.live).map((each) => each.key))].toSorted(),
          )
          expect(registry.all()).toHaveLength(held.size)
        }
        for (const each of placed) each.release()
        expect(held.size).toBe(0)
        expect(events.filter((event) => event.type === 'held')).toHaveLength(
          events.filter((event) => event.type === 'hold_lifted').length,
        )
      }),
      { numRuns: 300 },
    )
  })

  it('of a partition that is gone are forgotten, and their release says nothing about the next owner’s', () => {
    const changes: boolean[] = []
    const registry = new HoldRegistry(() => undefined)
    registry.watch((_place, _reason, is) => void changes.push(is))
    const old = registry.place(at(0), { reason: 'sink', detail: '' })
    registry.clear(at(0))
    const current = registry.place(at(0), { reason: 'sink', detail: 'again' })
    old()
    expect(registry.of(at(0))).toEqual([{ reason: 'sink', detail: 'again' }])
    current()
    expect(changes).toEqual([true, true, false])
  })
})
