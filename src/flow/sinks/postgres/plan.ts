import type { SinkRecord } from '../sink.ts'
import type { Catalogue, Columns } from './catalogue.ts'
import { arrayLiteral, type ColumnType, encode, ValueError } from './column-type.ts'
import type { NamedStatement } from './named-params.ts'
import type { Session } from './session.ts'
import { type Column, distinctColumns, type RowShape, rowsSql, updateSql } from './statements.ts'
import { type Field, ID_PARAMETER, type PostgresWrite, type RowWrite, type StatementWrite } from './write.ts'

type Value = string | null

/** A record, ready to be written. */
export interface Ready {
  /** Place in the batch. */
  readonly index: number
  /** SQL for it alone, or for several rows where `many`. */
  readonly sql: string
  readonly many: boolean
  readonly values: readonly Value[]
  /** Rows with the same one must not be in one statement; null: they may. */
  readonly distinct: string | null
}

/** Neighbours that are written together. */
export interface Step {
  readonly sql: string
  readonly many: boolean
  readonly records: readonly Ready[]
}

/** A statement of the configuration, and what its parameters hold; null where nobody could ask the database. */
export interface KnownStatement {
  readonly compiled: NamedStatement
  readonly types: readonly ColumnType[] | null
}

export interface PlanParts {
  readonly catalogue: Catalogue
  readonly statements: ReadonlyMap<string, KnownStatement>
  readonly idColumn: string | null
}

/** Makes each record ready, or says why it never can be. Asks the database for tables that it does not know. */
export async function makeReady(
  session: Session,
  batch: readonly SinkRecord<PostgresWrite>[],
  parts: PlanParts,
): Promise<{ readonly ready: readonly Ready[]; readonly refused: ReadonlyMap<number, Error> }> {
  const ready: Ready[] = []
  const refused = new Map<number, Error>()
  const shapes = new Map<string, { readonly shape: RowShape; readonly sql: string }>()
  for (const [index, { id, payload }] of batch.entries()) {
    try {
      if (payload.op === 'statement') ready.push(statementReady(index, id, payload, parts))
      else ready.push(await rowReady(session, index, id, payload, parts, shapes))
    } catch (error) {
      if (!(error instanceof ValueError)) throw error
      refused.set(index, error)
    }
  }
  return { ready, refused }
}

/** Groups neighbours that one statement, or one prepared statement, can write. */
export function stepsOf(ready: readonly Ready[]): Step[] {
  const steps: { sql: string; many: boolean; records: Ready[] }[] = []
  let touched = new Set<string>()
  for (const record of ready) {
    const last = steps.at(-1)
    const again = record.distinct !== null && touched.has(record.distinct)
    if (last === undefined || last.sql !== record.sql || again) {
      steps.push({ sql: record.sql, many: record.many, records: [record] })
      touched = new Set()
    } else last.records.push(record)
    if (record.distinct !== null) touched.add(record.distinct)
  }
  return steps
}

/** The values of a step's one statement: for each column an array with a text for each row. */
export function columnArrays(records: readonly Ready[]): string[] {
  const width = records[0]?.values.length ?? 0
  return Array.from({ length: width }, (_, column) => arrayLiteral(records.map(({ values }) => values[column] ?? null)))
}

async function rowReady(
  session: Session,
  index: number,
  id: string,
  write: RowWrite,
  { catalogue, idColumn: ids }: PlanParts,
  shapes: Map<string, { readonly shape: RowShape; readonly sql: string }>,
): Promise<Ready> {
  const { op, table } = write
  const idColumn = op === 'insert' || (op === 'upsert' && write.conflict.length === 0) ? ids : null
  const known = write.data.some(([name]) => name === idColumn)
  const data: readonly Field[] = idColumn === null || known ? write.data : [...write.data, [idColumn, id]]
  const where = write.where.filter(([, value]) => value !== null)
  const wanted = [...data, ...write.where].map(([name]) => name)
  const columns = await catalogue.columns(session, table, wanted)
  const key = JSON.stringify([
    op,
    table.sql,
    data.map(first),
    where.map(first),
    write.where.map(first),
    write.conflict,
    write.updateColumns,
  ])
  let made = shapes.get(key)
  if (made === undefined) {
    const shape: RowShape = {
      op,
      table,
      conflict: write.conflict,
      updateColumns: write.updateColumns,
      data: columnsOf(data, columns, write, idColumn),
      where: columnsOf(where, columns, write, idColumn),
      whereNull: columnsOf(
        write.where.filter(([, value]) => value === null),
        columns,
        write,
        idColumn,
      ).map(({ name }) => name),
      idColumn,
    }
    made = { shape, sql: op === 'update' ? updateSql(shape) : rowsSql(shape) }
    shapes.set(key, made)
  }
  const { shape, sql } = made
  const values = [...valuesOf(data, shape.data), ...valuesOf(where, shape.where)]
  const many = op !== 'update' && values.length > 0
  const keys = distinctColumns(shape)
  const distinct =
    keys.length === 0
      ? null
      : JSON.stringify(keys.map((name) => values[shape.data.findIndex((column) => column.name === name)]))
  return { index, sql, many, values, distinct }
}

const first = ([name]: Field): string => name

function columnsOf(fields: readonly Field[], columns: Columns, { table }: RowWrite, idColumn: string | null): Column[] {
  if (columns === null) throw new ValueError(`there is no table ${table.sql}, or it has no columns`)
  return fields.map(([name]) => {
    const type = columns.get(name)
    if (type !== undefined) return { name, type }
    if (name === idColumn) {
      throw new ValueError(
        `the table ${table.sql} has no column "${name}" for ids: ALTER TABLE ${table.sql} ADD COLUMN "${name}" text UNIQUE; or set another idempotency`,
      )
    }
    const known = [...columns.keys()].slice(0, 50).join(', ')
    throw new ValueError(`the table ${table.sql} has no column "${name}" (it has ${known})`)
  })
}

function valuesOf(fields: readonly Field[], columns: readonly Column[]): Value[] {
  return fields.map(([name, value], place) => encode(value, columns[place]?.type ?? null, `column "${name}"`))
}

function statementReady(index: number, id: string, write: StatementWrite, { statements }: PlanParts): Ready {
  const known = statements.get(write.statement)
  if (known === undefined) throw new ValueError(`there is no statement ${write.statement}`)
  const { compiled, types } = known
  const values = compiled.names.map((name, place) => {
    const value = write.params.get(name)
    if (value === undefined) return name === ID_PARAMETER ? id : null
    return encode(value, types?.[place] ?? null, `:${name}`)
  })
  return { index, sql: compiled.text, many: false, values, distinct: null }
}
