import type { Clock } from '../../../lib/index.ts'
import type { ColumnType } from './column-type.ts'
import type { TableName } from './identifier.ts'
import type { Session } from './session.ts'

/** Columns of a table by name; null where there is no such table. */
export type Columns = ReadonlyMap<string, ColumnType> | null

/** A table that was looked up this long ago is looked up again before a record is refused for it, milliseconds. */
const STALE_MS = 1000
/** Tables that are remembered. */
const MOST_TABLES = 1000

// A domain counts as what it is made of: an explicit cast to it would cut what is too long.
const TYPE = `
  format_type(coalesce(b.oid, t.oid), -1) AS cast,
  coalesce(b.oid, t.oid)::int8 AS oid, coalesce(b.typcategory, t.typcategory)::text AS category,
  format_type(e.oid, -1) AS element, e.oid::int8 AS element_oid, e.typcategory::text AS element_category`
const TYPE_JOINS = `
  LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
  LEFT JOIN pg_type e ON coalesce(b.typcategory, t.typcategory) = 'A' AND e.oid = coalesce(b.typelem, t.typelem)`

const COLUMNS = `
  SELECT a.attname AS column, format_type(a.atttypid, a.atttypmod) AS shown, ${TYPE}
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid ${TYPE_JOINS}
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`

const TYPES = `
  SELECT n.place, format_type(t.oid, -1) AS shown, ${TYPE}
  FROM unnest($1::oid[]) WITH ORDINALITY AS n(oid, place) JOIN pg_type t ON t.oid = n.oid ${TYPE_JOINS}
  ORDER BY n.place`

interface TypeRow {
  readonly shown: string
  readonly cast: string
  readonly oid: string
  readonly category: string
  readonly element: string | null
  readonly element_oid: string | null
  readonly element_category: string | null
}

/** What the database says of tables, remembered. */
export class Catalogue {
  readonly #clock: Clock
  readonly #tables = new Map<string, { readonly columns: Columns; readonly at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** As remembered, unless one of the columns is not among them and the memory is not fresh. */
  async columns(session: Session, { sql }: TableName, wanted: readonly string[]): Promise<Columns> {
    const known = this.#tables.get(sql)
    const now = this.#clock.monotonic()
    const has = known?.columns != null && wanted.every((name) => known.columns?.has(name) === true)
    if (known !== undefined && (has || now - known.at < STALE_MS)) return known.columns
    const { rows } = await session.run<TypeRow & { readonly column: string }>(COLUMNS, [sql])
    const columns: Columns = rows.length === 0 ? null : new Map(rows.map((row) => [row.column, typeOf(row)]))
    if (this.#tables.size >= MOST_TABLES) this.#tables.clear()
    this.#tables.set(sql, { columns, at: now })
    return columns
  }

  /** After an error that may come from a table that was altered. */
  forget(): void {
    this.#tables.clear()
  }
}

/** Types by their numbers. */
export async function typesOf(session: Session, oids: readonly string[]): Promise<ColumnType[]> {
  if (oids.length === 0) return []
  const { rows } = await session.run<TypeRow>(TYPES, [`{${oids.join(',')}}`])
  return rows.map(typeOf)
}

function typeOf(row: TypeRow): ColumnType {
  const type: ColumnType = { name: row.shown, cast: row.cast, kind: kindOf(row.oid, row.category) }
  if (row.element === null || type.kind !== 'array') return type
  const kind = kindOf(row.element_oid ?? '', row.element_category ?? '')
  return { ...type, element: { name: row.element, cast: row.element, kind } }
}

function kindOf(oid: string, category: string): ColumnType['kind'] {
  if (oid === '114' || oid === '3802') return 'json'
  if (oid === '17') return 'bytes'
  if (category === 'A') return 'array'
  return category === 'S' ? 'text' : 'other'
}
