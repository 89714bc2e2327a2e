import type { ColumnType } from './column-type.ts'
import { quoted } from './identifier.ts'
import type { RowWrite } from './write.ts'

/** What rows have in common that one statement can write. */
export interface RowShape extends Pick<RowWrite, 'op' | 'table' | 'conflict' | 'updateColumns'> {
  readonly data: readonly Column[]
  /** Without those that are compared with NULL. */
  readonly where: readonly Column[]
  /** Compared with NULL. */
  readonly whereNull: readonly string[]
  /** Column that says which record a row is of; an insert whose id is there does nothing. */
  readonly idColumn: string | null
}

export interface Column {
  readonly name: string
  /** For errors. */
  readonly where: string
  readonly type: ColumnType
}

/**
 * SQL for any number of rows (not for update): one parameter for each column, an array of texts. Not one parameter for each value: so
 * there is no most of rows, and one prepared statement serves batches of every size.
 */
export function rowsSql(shape: RowShape): string {
  const { op, table, where, idColumn } = shape
  if (op === 'insert') {
    return insertSql(shape, idColumn === null ? '' : ` ON CONFLICT (${quoted(idColumn)}) DO NOTHING`)
  }
  if (op === 'upsert') return insertSql(shape, conflictSql(shape))
  const using = where.length === 0 ? '' : ` USING ${unnestSql(where)}`
  return `DELETE FROM ${table.sql} AS t${using} WHERE ${whereSql(shape)}`
}

/** An update of the rows that one record means; one parameter for each value. */
export function updateSql(shape: RowShape): string {
  const sets = shape.data.map(({ name, type }, index) => `${quoted(name)} = ${cast(`$${index + 1}::text`, type)}`)
  const from = shape.data.length + 1
  const conditions = shape.where.map(
    ({ name, type }, index) => `t.${quoted(name)} = ${cast(`$${from + index}::text`, type)}`,
  )
  const nulls = shape.whereNull.map((name) => `t.${quoted(name)} IS NULL`)
  return `UPDATE ${shape.table.sql} AS t SET ${sets.join(', ')} WHERE ${[...conditions, ...nulls].join(' AND ')}`
}

/** What a step's rows must differ in: a statement must not touch a row twice. Empty: they may be the same. */
export function distinctColumns(shape: RowShape): readonly string[] {
  return shape.op === 'upsert' ? shape.conflict : []
}

function insertSql(shape: RowShape, onConflict: string): string {
  const { table, data } = shape
  if (data.length === 0) return `INSERT INTO ${table.sql} DEFAULT VALUES`
  const names = data.map(({ name }) => quoted(name)).join(', ')
  const values = data.map(({ type }, index) => cast(`r.c${index}`, type)).join(', ')
  return `INSERT INTO ${table.sql} (${names}) SELECT ${values} FROM ${unnestSql(data)}${onConflict}`
}

function conflictSql({ conflict, updateColumns, data, idColumn }: RowShape): string {
  const keys = conflict.length > 0 || idColumn === null ? conflict : [idColumn]
  const sets = (updateColumns ?? data.map(({ name }) => name).filter((name) => !keys.includes(name))).map(
    (name) => `${quoted(name)} = EXCLUDED.${quoted(name)}`,
  )
  const target = ` ON CONFLICT (${keys.map(quoted).join(', ')})`
  return sets.length === 0 ? `${target} DO NOTHING` : `${target} DO UPDATE SET ${sets.join(', ')}`
}

function unnestSql(columns: readonly Column[]): string {
  const arrays = columns.map((_, index) => `$${index + 1}::text[]`).join(', ')
  return `unnest(${arrays}) AS r(${columns.map((_, index) => `c${index}`).join(', ')})`
}

function whereSql({ where, whereNull }: RowShape): string {
  return [
    ...where.map(({ name, type }, index) => `t.${quoted(name)} = ${cast(`r.c${index}`, type)}`),
    ...whereNull.map((name) => `t.${quoted(name)} IS NULL`),
  ].join(' AND ')
}

const cast = (expression: string, { cast: type }: ColumnType): string => `${expression}::${type}`
