import type { Catalogue, Columns } from './catalogue.ts'
import { ValueError } from './column-type.ts'
import { areSame } from './row.ts'
import type { Session } from './session.ts'
import { type Column, distinctColumns, type RowShape, rowsSql, updateSql } from './statements.ts'
import type { RowWrite } from './write.ts'

/** How rows of one shape are written. */
export interface Made {
  readonly shape: RowShape
  readonly sql: string
  /** One statement writes any number of them. */
  readonly many: boolean
  /** The record's id is a value of the row, behind `data`. */
  readonly takesId: boolean
  /** Places among the values that rows of one statement must differ in; none: they may be the same. */
  readonly distinct: readonly number[]
}

/** The shapes of a batch's rows. Neighbours mostly have the same one, which is then found without a look at the others. */
export class Shapes {
  readonly #catalogue: Catalogue
  readonly #ids: string | null
  readonly #made = new Map<string, Made>()
  #last: { readonly write: RowWrite; readonly made: Made } | null = null

  /** `ids`: column for the ids of records; null: they go into none. */
  constructor(catalogue: Catalogue, ids: string | null) {
    this.#catalogue = catalogue
    this.#ids = ids
  }

  /** The shape of a row where the one before it has the same; otherwise null. */
  same(write: RowWrite): Made | null {
    return this.#last !== null && haveSameShape(write, this.#last.write) ? this.#last.made : null
  }

  /**
   * Asks the database for a table that is not known.
   *
   * @throws ValueError where the row cannot be written there.
   */
  async of(session: Session, write: RowWrite): Promise<Made> {
    const { op, table, data, where, conflict, updateColumns } = write
    const nulls = where.cells.map((value) => value === null)
    const key = JSON.stringify([op, table.sql, data.columns, where.columns, nulls, conflict, updateColumns])
    const made = this.#made.get(key) ?? (await this.#make(session, write))
    this.#made.set(key, made)
    this.#last = { write, made }
    return made
  }

  async #make(session: Session, write: RowWrite): Promise<Made> {
    const { op, table, where, conflict, updateColumns } = write
    const idColumn = op === 'insert' || (op === 'upsert' && conflict.length === 0) ? this.#ids : null
    const takesId = idColumn !== null && !write.data.columns.includes(idColumn)
    const data = takesId ? [...write.data.columns, idColumn] : write.data.columns
    const columns = await this.#catalogue.columns(session, table, [...data, ...where.columns])
    const compared = (withNull: boolean): string[] =>
      where.columns.filter((_, place) => (where.cells[place] === null) === withNull)
    const columnsOf = (of: readonly string[]): Column[] => of.map((name) => columnOf(name, columns, write, idColumn))
    const shape: RowShape = {
      op,
      table,
      conflict,
      updateColumns,
      data: columnsOf(data),
      where: columnsOf(compared(false)),
      whereNull: columnsOf(compared(true)).map(({ name }) => name),
      idColumn,
    }
    return {
      shape,
      sql: op === 'update' ? updateSql(shape) : rowsSql(shape),
      many: op !== 'update' && shape.data.length + shape.where.length > 0,
      takesId,
      distinct: distinctColumns(shape).map((name) => data.indexOf(name)),
    }
  }
}

function columnOf(name: string, columns: Columns, { table }: RowWrite, idColumn: string | null): Column {
  if (columns === null) throw new ValueError(`there is no table ${table.sql}, or it has no columns`)
  const type = columns.get(name)
  if (type !== undefined) return { name, type, where: `column "${name}"` }
  if (name === idColumn) {
    throw new ValueError(
      `the table ${table.sql} has no column "${name}" for ids: ALTER TABLE ${table.sql} ADD COLUMN "${name}" text UNIQUE; or set another idempotency`,
    )
  }
  const known = [...columns.keys()].slice(0, 50).join(', ')
  throw new ValueError(`the table ${table.sql} has no column "${name}" (it has ${known})`)
}

function haveSameShape(a: RowWrite, b: RowWrite): boolean {
  return (
    a.op === b.op &&
    a.table.sql === b.table.sql &&
    areSame(a.data.columns, b.data.columns) &&
    areSame(a.where.columns, b.where.columns) &&
    a.where.cells.every((value, place) => (value === null) === (b.where.cells[place] === null)) &&
    areSame(a.conflict, b.conflict) &&
    haveSameUpdates(a.updateColumns, b.updateColumns)
  )
}

function haveSameUpdates(a: RowWrite['updateColumns'], b: RowWrite['updateColumns']): boolean {
  return a === b || (a !== null && b !== null && areSame(a, b))
}
