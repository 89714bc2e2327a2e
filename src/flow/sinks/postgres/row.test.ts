import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowReader } from './row.ts'

const value = fc.oneof(fc.constant(undefined), fc.constant(null), fc.integer(), fc.string({ unit: 'grapheme' }))
/** Few names, in any order, so that rows are often alike and often nearly so. */
const name = fc.oneof(fc.constantFrom('a', 'b', 'c', 'B', '__proto__', '7'), fc.string({ minLength: 1, maxLength: 3 }))
const row = fc.array(fc.tuple(name, value), { maxLength: 5 }).map((fields) => Object.fromEntries(fields))

test('a reader that has read other rows reads each as a new one does', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 2, maxLength: 8 }), (rows) => {
      const reader = new RowReader()
      for (const each of rows) expect(attempt(reader, each)).toEqual(attempt(new RowReader(), each))
    }),
  )
})

test('columns are sorted, with the values that are theirs', () => {
  fc.assert(
    fc.property(row, (fields) => {
      fc.pre(!Object.entries(fields).some(([key, held]) => `${key}${held ?? ''}`.includes('\0')))
      const expected = Object.entries(fields).filter(([, held]) => held !== undefined)
      const { columns, cells } = new RowReader().read(fields, 'data')
      expect(columns).toEqual(expected.map(([key]) => key).sort())
      const texts = new Map(expected.map(([key, held]) => [key, held === null ? null : String(held)]))
      expect(cells).toEqual(columns.map((column) => texts.get(column)))
    }),
  )
})

test('rows that follow each other share their list of columns', () => {
  const reader = new RowReader()
  const first = reader.read({ b: 1, a: 2 }, 'data')
  expect(reader.read({ b: 3, a: 4 }, 'data').columns).toBe(first.columns)
  expect(reader.read({ b: 3, a: 4, c: undefined }, 'data')).toEqual({ columns: ['a', 'b'], cells: ['4', '3'] })
})

function attempt(reader: RowReader, row: object): unknown {
  try {
    return reader.read(row, 'data')
  } catch (error) {
    return String(error)
  }
}
