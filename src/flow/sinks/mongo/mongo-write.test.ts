import { describe, expect, test } from 'vitest'
import { MongoLink } from './mongo-link.ts'
import { createMongoSink } from './mongo-sink.ts'

describe('what can never be stored is refused with its place, before anything is sent', () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = { again: cycle }
  let deep: unknown = 1
  for (let level = 0; level < 120; level += 1) deep = { deep }
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['20 MB', { text: 'x'.repeat(20 * 1024 * 1024) }, /about 20\.0 MiB; MongoDB takes at most 16/],
    ['NaN', { a: [{ b: Number.NaN }] }, /`data`\.a\[0\]\.b is NaN/],
    ['infinity', { a: Number.NEGATIVE_INFINITY }, /-Infinity/],
    ['a large BigInt', { a: 2n ** 63n }, /more than 64 bits/],
    ['a cycle', cycle, /`data`\.self\.again leads back to itself/],
    ['a deep one', deep, /100 levels/],
    ['an operator', { a: { $set: 1 } }, /"\$set"/],
    ['a dot', { a: { 'b.c': 1 } }, /"b\.c"/],
    ['a dot at the top of an insert', { 'b.c': 1 }, /"b\.c"/],
    ['an empty key', { '': 1 }, /not empty/],
    ['a function', { a: () => 1 }, /of type function/],
    ['a Map', { a: new Map() }, /is a Map/],
    ['an invalid date', { a: new Date(Number.NaN) }, /not a valid date/],
    ['a forged BSON type', JSON.parse('{"a":{"_bsontype":"ObjectId"}}'), /_bsontype/],
    ['a forged prototype', JSON.parse('{"__proto__":{"x":1}}'), /__proto__/],
  ]
  const sink = createMongoSink({
    name: 'main',
    link: new MongoLink({ name: 'main', uri: 'mongodb://127.0.0.1:1', database: 'x' }),
  })
  test.each(cases)('%s', (_name, data, reason) => {
    expect(() => sink.accept({ collection: 'c', data })).toThrow(reason)
  })

  test('empty filters, JavaScript in the server, names and fields', () => {
    const accept =
      (payload: unknown): (() => unknown) =>
      () =>
        sink.accept(payload)
    expect(accept({ op: 'delete_many', collection: 'c', filter: {} })).toThrow(/whole collection/)
    expect(accept({ op: 'delete_many', collection: 'c', filter: { $or: [{ $where: 'x' }] } })).toThrow(/\$where/)
    expect(accept({ op: 'update_one', collection: 'c', filter: { $expr: { $function: {} } }, data: { a: 1 } })).toThrow(
      /\$function/,
    )
    expect(accept({ op: 'update_one', collection: 'c', filter: { a: 1 }, data: {} })).toThrow(/nothing to set/)
    expect(accept({ collection: 'system.users', data: {} })).toThrow(/no name of a collection/)
    expect(accept({ collection: 'c', data: {}, filter: { a: 1 } })).toThrow(/`filter` is no field of op insert/)
  })
})
