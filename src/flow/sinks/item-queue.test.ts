import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ScriptedSink } from '../../../test/contract/scripted-sink.ts'
import { DEFAULT_BATCH } from './batcher.ts'
import { Item, type RecordLane, Routed, Ticket } from './item.ts'
import { ItemQueue } from './item-queue.ts'

const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
const lane: RecordLane = { sink: new ScriptedSink(), add: () => item(''), abandon: () => undefined }
const ticket = new Ticket(Infinity, () => undefined)
const waiting = { assignment, records: 0, stuck: 0, detail: '', release: null }

function item(text: string): Item {
  return new Item(new Routed(text, { text }, assignment, lane), ticket, waiting, 0)
}

type Move = { take: number; bytes: number } | { push: number } | { drop: number } | { probe: true } | { back: number }

const moves = fc.array(
  fc.oneof(
    fc.record({ push: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 8 }), bytes: fc.nat(20) }),
    fc.record({ drop: fc.nat(20) }),
    fc.record({ probe: fc.constant(true as const) }),
    fc.record({ back: fc.integer({ min: 1, max: 3 }) }),
  ) as fc.Arbitrary<Move>,
  { maxLength: 60 },
)

test('it does what a plain list does: in order, counted, nothing lost and nothing twice', () => {
  fc.assert(
    fc.property(moves, (played) => {
      const queue = new ItemQueue()
      let model: Item[] = []
      let taken: Item[] = []
      let made = 0
      for (const move of played) {
        if ('push' in move) {
          const pushed = Array.from({ length: move.push }, () => item('x'.repeat(made++ % 7)))
          for (const one of pushed) queue.push(one)
          model.push(...pushed)
        } else if ('take' in move) {
          const batch = queue.take({ ...DEFAULT_BATCH, maxRecords: move.take, maxBytes: move.bytes })
          expect(batch).toEqual(model.slice(0, batch.length))
          expect(batch.length).toBeLessThanOrEqual(move.take)
          expect(batch.length > 0).toBe(model.length > 0)
          model = model.slice(batch.length)
          taken.push(...batch)
        } else if ('drop' in move) {
          const dropped = model[move.drop]
          if (dropped === undefined) continue
          dropped.done = true
          queue.drop(dropped)
          model = model.filter((one) => one !== dropped)
        } else if ('probe' in move) {
          const probe = queue.takeProbe()
          expect(probe === undefined).toBe(model.length === 0)
          expect(model.filter((one) => one.probes < (probe?.probes ?? 0))).toEqual([])
          if (probe !== undefined) probe.probes += 1
          model = model.filter((one) => one !== probe)
          if (probe !== undefined) taken.push(probe)
        } else {
          const back = taken.slice(0, move.back)
          taken = taken.slice(move.back)
          queue.putBack(back)
          model = [...back, ...model]
        }
        expect(queue.records).toBe(model.length)
        expect(queue.bytes).toBe(model.reduce((sum, one) => sum + one.size, 0))
        expect(model.every((one) => one.queued) && taken.every((one) => !one.queued)).toBe(true)
      }
      expect(queue.take({ ...DEFAULT_BATCH, maxRecords: 1e6, maxBytes: 1e9 })).toEqual(model)
    }),
  )
})

test('records of aborted calls are let go when they are many', () => {
  const queue = new ItemQueue()
  const items = Array.from({ length: 5000 }, () => item('x'))
  for (const one of items) queue.push(one)
  for (const one of items.slice(1, 4999)) {
    one.done = true
    queue.drop(one)
  }
  expect([queue.records, queue.bytes]).toEqual([2, 2])
  expect(queue.take(DEFAULT_BATCH)).toEqual([items[0], items[4999]])
})
