import { typeName } from '../json-text.ts'
import { type Cell, cell, cellBytes } from './cell.ts'
import { checkIdentifier } from './identifier.ts'

/** Columns, and a value for each. */
export interface Row {
  /** Sorted, so that rows with the same columns go together; rows that follow each other mostly share one list. */
  readonly columns: readonly string[]
  readonly cells: readonly Cell[]
}

export const EMPTY_ROW: Row = { columns: [], cells: [] }

/** Reads rows. The rows of a table mostly have the same columns: those are sorted and checked once. */
export class RowReader {
  #keys: readonly string[] = []
  #columns: readonly string[] = []

  /**
   * A row of `data`: columns that are undefined are left out.
   *
   * @throws Error where a name or a value can never be of a row; it begins with `path`.
   */
  read(value: unknown, path: string): Row {
    const fields = plainObject(value, path)
    const columns = this.#columnsOf(fields)
    const cells: Cell[] = []
    for (const name of columns) {
      const held = fields[name]
      if (held === undefined) return this.read(withoutUndefined(fields), path)
      cells.push(cell(held, () => `\`${path}.${name}\``))
    }
    return { columns, cells }
  }

  /** A row of `where`: a column that were left out would mean more rows than the author thinks. */
  readWhole(value: unknown, path: string): Row {
    for (const [name, held] of Object.entries(plainObject(value, path))) {
      if (held === undefined)
        throw new Error(`\`${path}\`: \`${name}\` is undefined; null is for rows where it is NULL`)
    }
    return this.read(value, path)
  }

  #columnsOf(fields: Readonly<Record<string, unknown>>): readonly string[] {
    const keys = Object.keys(fields)
    if (areSame(keys, this.#keys)) return this.#columns
    const columns = [...keys].sort()
    for (const name of columns) checkIdentifier(name)
    this.#keys = keys
    this.#columns = columns
    return columns
  }
}

/** Bytes of a row, about. */
export function rowBytes({ cells }: Row): number {
  let bytes = 0
  for (const value of cells) bytes += cellBytes(value) + 8
  return bytes
}

/** True for two lists of the same texts in the same order. */
export function areSame(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let place = 0; place < a.length; place += 1) if (a[place] !== b[place]) return false
  return true
}

/** An object with fields, not one that stands for a single value. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Map) &&
    !(value instanceof Set) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  )
}

function plainObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (value === undefined) throw new Error(`\`${path}\` is missing`)
  if (!isPlain(value)) throw new Error(`\`${path}\` must be an object of columns, not ${typeName(value)}`)
  return value
}

function withoutUndefined(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, held]) => held !== undefined))
}
