import fc from 'fast-check'
import { expect, test } from 'vitest'
import { partitionKey, type TopicPartition } from '../../model/index.ts'
import { assign } from './assign.ts'

const partitions = (count: number): TopicPartition[] =>
  Array.from({ length: count }, (_, partition) => ({ topic: 't', partition }))

test('after at most one more round everything is given out, to one member each, in equal shares', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 12 }),
      (count, owners) => {
        const members = ['a', 'b', 'c']
        const all = partitions(count)
        const claims = members.map((member, index) => ({
          member,
          topics: ['t'],
          owned: all.filter((_, partition) => owners[partition] === index),
        }))
        const first = assign(claims, () => all)
        for (const [member, given] of first) {
          for (const at of given) {
            const former = members[owners[at.partition] ?? -1]
            expect(former === undefined || former === member).toBe(true)
          }
        }
        const second = assign(
          members.map((member) => ({ member, topics: ['t'], owned: first.get(member) ?? [] })),
          () => all,
        )
        const keys = [...second.values()].flat().map(partitionKey)
        expect(new Set(keys).size).toBe(count)
        expect(keys.length).toBe(count)
        const sizes = [...second.values()].map((given) => given.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      },
    ),
  )
})
