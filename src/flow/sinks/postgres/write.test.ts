import { describe, expect, test } from 'vitest'
import { cell } from './cell.ts'
import { arrayLiteral, type ColumnType, encode, ValueError } from './column-type.ts'
import { tableName } from './identifier.ts'
import { KnownTables } from './known-tables.ts'
import { compileNamed } from './named-params.ts'
import { postgresWrite } from './write.ts'

const settings = {
  table: null,
  tables: new KnownTables(),
  statements: new Map([['add', compileNamed('UPDATE t SET a = :a WHERE k = :k')]]),
  idColumn: null,
}
const cyclic: { self?: unknown } = {}
cyclic.self = cyclic
const ring: unknown[] = []
ring.push(ring)
const row = { table: 't', data: { a: 1 } }

describe('a payload is refused before it is sent', () => {
  test.each<[unknown, RegExp]>([
    [null, /must be an object/],
    ['text', /must be an object/],
    [{ ...row, op: 'truncate' }, /`op` must be one of insert, update, upsert, delete, statement, not "truncate"/],
    [{ ...row, where: { k: 1 } }, /`where` is no field of op insert; it uses table, data/],
    [{ data: {} }, /`table` is missing/],
    [{ ...row, table: 7 }, /`table` must be a string, not of type number|not 7/],
    [{ ...row, table: 'a.b.c' }, /is no name of a table/],
    [{ ...row, table: `${'x'.repeat(64)}` }, /longer than PostgreSQL's 63 bytes/],
    [{ table: 't' }, /`data` is missing/],
    [{ table: 't', data: [1] }, /`data` must be an object of columns, not a list/],
    [{ op: 'update', table: 't', data: { a: 1 } }, /`where` is missing/],
    [{ op: 'update', table: 't', data: { a: 1 }, where: {} }, /must name at least one column: update of a whole table/],
    [{ op: 'update', table: 't', data: { a: 1 }, where: { k: undefined } }, /`where`: `k` is undefined/],
    [{ op: 'update', table: 't', data: {}, where: { k: 1 } }, /at least one column/],
    [{ op: 'delete', table: 't', where: {} }, /delete of a whole table/],
    [{ op: 'upsert', table: 't', data: { a: 1 } }, /`conflict` must list/],
    [{ op: 'upsert', table: 't', data: { a: 1 }, conflict: [] }, /must not be empty/],
    [{ op: 'upsert', table: 't', data: { a: 1 }, conflict: ['b'] }, /`conflict`: b is no column of `data`/],
    [{ op: 'upsert', table: 't', data: { a: 1 }, conflict: ['a'], updateColumns: ['b'] }, /`updateColumns`: b is no/],
    [{ op: 'statement', statement: 'nope' }, /must name a statement of the sink's configuration \(add\), not "nope"/],
    [{ op: 'statement', statement: 'add', params: { a: 1 } }, /`params` lacks k/],
    [{ op: 'statement', statement: 'add', params: { a: 1, k: 2, z: 3 } }, /has no :z \(it has :a, :k\)/],
    [{ op: 'statement', statement: 'add', params: { a: 1, k: undefined } }, /`params.k` is undefined/],
    [
      { table: 't', data: Object.fromEntries(Array.from({ length: 70_000 }, (_, n) => [`c${n}`, n])) },
      /70000 columns; a table has at most 1600/,
    ],
    [{ table: 't', data: { a: () => 1 } }, /`data.a` is of type function/],
    [{ table: 't', data: { a: Symbol('x') } }, /`data.a` is of type symbol/],
    [{ table: 't', data: { a: cyclic } }, /`data.a` cannot become JSON/],
    [{ table: 't', data: { a: ring } }, /`data.a` holds itself/],
    [{ table: 't', data: { a: { b: Number.NaN } } }, /cannot become JSON: `b` is NaN/],
    [{ table: 't', data: { a: { b: 1n } } }, /cannot become JSON/],
    [{ table: 't', data: { a: { b: Buffer.from('x') } } }, /`b` is bytes/],
    [{ table: 't', data: { a: { b: new Map() } } }, /`b` is a Map/],
    [{ table: 't', data: { a: new Date(Number.NaN) } }, /invalid date/],
    [{ table: 't', data: { a: { b: new Date(Number.NaN) } } }, /invalid date/],
    [{ table: 't', data: { a: new Set() } }, /is a Set/],
    [{ table: 't', data: { a: Promise.resolve() } }, /is a promise: await it/],
    [{ table: 't', data: { a: new Uint16Array(1) } }, /is a Uint16Array/],
    [{ table: 't', data: { a: 'x\0y' } }, /NUL/],
    [{ table: 't', data: { a: '\ud800' } }, /surrogate/],
  ])('%#', (payload, message) => {
    expect(() => postgresWrite(payload, settings)).toThrow(message)
  })

  test('the column of ids is not for payloads', () => {
    const keyed = { ...settings, idColumn: 'drakkar_id' }
    expect(() => postgresWrite({ table: 't', data: { drakkar_id: 1 } }, keyed)).toThrow(/it is filled in/)
  })
})

test('columns are sorted, undefined ones left out, and everything is a copy', () => {
  const bytes = Buffer.from([1])
  const payload = { table: 't', data: { b: bytes, a: { x: [1] }, u: undefined } }
  const write = postgresWrite(payload, settings)
  bytes.fill(0)
  payload.data.a.x.push(2)
  expect(write).toMatchObject({
    data: { columns: ['a', 'b'], cells: [{ json: '{"x":[1]}' }, { text: '\\x01' }] },
  })
})

test('names of tables', () => {
  expect(tableName('t')).toEqual({ schema: null, table: 't', sql: '"t"' })
  expect(tableName('S.T x')).toEqual({ schema: 'S', table: 'T x', sql: '"S"."T x"' })
  expect(tableName('"a.b"."c""d"').sql).toBe('"a.b"."c""d"')
  for (const bad of ['', '.', 'a.', '.a', '"a', 'a"b', '""', 'a..b']) expect(() => tableName(bad)).toThrow(/name/)
})

describe('values', () => {
  const type = (kind: ColumnType['kind'], element?: ColumnType['kind']): ColumnType => ({
    name: kind,
    cast: kind,
    kind,
    ...(element === undefined ? {} : { element: { name: element, cast: element, kind: element } }),
  })
  const text = (value: unknown, of: ColumnType | null): string | null =>
    encode(
      cell(value, () => 'v'),
      of,
      'v',
    )

  test.each<[unknown, ColumnType | null, string | null]>([
    [null, type('json'), null],
    [-0, type('other'), '0'],
    [2n ** 64n, type('other'), '18446744073709551616'],
    [Number.NaN, type('other'), 'NaN'],
    [false, type('json'), 'false'],
    ['[1]', type('json'), '[1]'],
    [new Date(0), type('json'), '"1970-01-01T00:00:00.000Z"'],
    [new Date(0), type('other'), '1970-01-01T00:00:00.000Z'],
    [new Date(Date.UTC(12_026, 0, 1)), type('other'), '12026-01-01T00:00:00.000Z'],
    [new Date('-000043-03-15T00:00:00Z'), type('other'), '0044-03-15T00:00:00.000Z BC'],
    [{ toJSON: () => '1.50' }, type('other'), '1.50'],
    [[1, 'a"b', null], type('array', 'text'), '{"1","a\\"b",NULL}'],
    [[[1], [2]], type('array', 'other'), '{{"1"},{"2"}}'],
    [[[1], { a: 2 }], type('array', 'json'), '{"[1]","{\\"a\\":2}"}'],
    [[1, undefined], type('text'), '[1,null]'],
    [{ a: 1 }, type('text'), '{"a":1}'],
    [[1, [2]], null, '{"1",{"2"}}'],
    [{ a: 1 }, null, '{"a":1}'],
  ])('%o for %o', (value, of, expected) => {
    expect(text(value, of)).toBe(expected)
  })

  test.each<[unknown, ColumnType]>([
    [Buffer.from('x'), type('text')],
    [Buffer.from('x'), type('json')],
    [[Number.NaN], type('json')],
    [[1], type('other')],
    [{ a: 1 }, type('array', 'other')],
  ])('%o is not for %o', (value, of) => {
    expect(() => text(value, of)).toThrow(ValueError)
  })

  test('array literals', () => {
    expect(arrayLiteral([])).toBe('{}')
    expect(arrayLiteral(['a\\b', '"', '', 'NULL', null])).toBe('{"a\\\\b","\\"","","NULL",NULL}')
  })
})
