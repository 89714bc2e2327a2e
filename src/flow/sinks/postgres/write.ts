import { typeName } from '../json-text.ts'
import { type Cell, cell, cellBytes } from './cell.ts'
import type { TableName } from './identifier.ts'
import type { KnownTable, KnownTables } from './known-tables.ts'
import type { NamedStatement } from './named-params.ts'
import { EMPTY_ROW, isPlain, type Row, rowBytes } from './row.ts'

export type PostgresOp = 'insert' | 'update' | 'upsert' | 'delete' | 'statement'

/** An accepted `PostgresOutput`: what PostgreSQL is to do for one record. */
export interface RowWrite {
  readonly op: Exclude<PostgresOp, 'statement'>
  readonly table: TableName
  /** Empty for delete. */
  readonly data: Row
  /** Which rows; never empty for update and delete. */
  readonly where: Row
  /** Only for upsert; empty: the id column. */
  readonly conflict: readonly string[]
  /** Only for upsert: what an existing row gets; null: all but `conflict`. */
  readonly updateColumns: readonly string[] | null
  readonly bytes: number
}

export interface StatementWrite {
  readonly op: 'statement'
  readonly statement: string
  /** By parameter name. */
  readonly params: ReadonlyMap<string, Cell>
  readonly bytes: number
}

export type PostgresWrite = RowWrite | StatementWrite

export interface WriteSettings {
  /** Of payloads that name none. */
  readonly table: string | null
  /** Of this sink. */
  readonly tables: KnownTables
  readonly statements: ReadonlyMap<string, NamedStatement>
  /** Where records' ids go into a column of the table: its name, which is not for payloads. */
  readonly idColumn: string | null
}

/** The parameter of a statement that gets the record's id where `params` has none. */
export const ID_PARAMETER = 'drakkar_id'

/** PostgreSQL has no wider tables. */
const MOST_COLUMNS = 1600

const USES: Readonly<Record<PostgresOp, readonly string[]>> = {
  insert: ['table', 'data'],
  update: ['table', 'data', 'where'],
  upsert: ['table', 'data', 'conflict', 'updateColumns'],
  delete: ['table', 'where'],
  statement: ['statement', 'params'],
}

type Fields = Readonly<Record<string, unknown>>

/**
 * Takes an output apart.
 *
 * @throws Error for the handler's author where it can never be written, or a field is there that the op does not use.
 */
export function postgresWrite(output: unknown, settings: WriteSettings): PostgresWrite {
  if (!isPlain(output)) throw new Error('must be an object { op?, table?, data, … }')
  const op = output['op'] ?? 'insert'
  if (typeof op !== 'string' || !Object.hasOwn(USES, op)) {
    const shown = typeof op === 'string' ? JSON.stringify(op) : typeName(op)
    throw new Error(`\`op\` must be one of ${Object.keys(USES).join(', ')}, not ${shown}`)
  }
  const known = op as PostgresOp
  for (const name of Object.keys(output)) {
    if (name === 'op' || name === 'sink' || USES[known].includes(name) || output[name] === undefined) continue
    throw new Error(`\`${name}\` is no field of op ${known}; it uses ${USES[known].join(', ')}`)
  }
  return known === 'statement' ? statementWrite(output, settings) : rowWrite(known, output, settings)
}

function rowWrite(op: RowWrite['op'], output: Fields, settings: WriteSettings): RowWrite {
  const table = tableOf(output['table'], settings)
  const data = op === 'delete' ? EMPTY_ROW : table.data.read(output['data'], 'data')
  const where = op === 'update' || op === 'delete' ? table.where.readWhole(output['where'], 'where') : EMPTY_ROW
  if (where.columns.length === 0 && (op === 'update' || op === 'delete')) {
    throw new Error(`\`where\` must name at least one column: ${op} of a whole table is not done`)
  }
  if (data.columns.length === 0 && (op === 'update' || op === 'upsert')) {
    throw new Error('`data` must have at least one column')
  }
  const { idColumn } = settings
  if (idColumn !== null && op === 'insert' && data.columns.includes(idColumn)) {
    throw new Error(`\`data.${idColumn}\` is the column of the record's id: it is filled in`)
  }
  const columns = data.columns.length + where.columns.length
  if (columns > MOST_COLUMNS) throw new Error(`it has ${columns} columns; a table has at most ${MOST_COLUMNS}`)
  const bytes = table.name.sql.length + rowBytes(data) + rowBytes(where)
  const { conflict, updateColumns } = op === 'upsert' ? upsertOf(output, data.columns, idColumn) : NO_UPSERT
  return { op, table: table.name, data, where, conflict, updateColumns, bytes }
}

type Upsert = Pick<RowWrite, 'conflict' | 'updateColumns'>

const NO_UPSERT: Upsert = { conflict: [], updateColumns: null }

function upsertOf(output: Fields, columns: readonly string[], idColumn: string | null): Upsert {
  const { conflict, updateColumns } = output
  if (conflict === undefined && idColumn === null) {
    throw new Error('`conflict` must list the columns by which a row is known')
  }
  const known = new Set(columns)
  const keys = conflict === undefined ? [] : namesOf(conflict, '`conflict`', known)
  if (conflict !== undefined && keys.length === 0) throw new Error('`conflict` must not be empty')
  return {
    conflict: keys,
    updateColumns: updateColumns === undefined ? null : namesOf(updateColumns, '`updateColumns`', known),
  }
}

function statementWrite(output: Fields, settings: WriteSettings): StatementWrite {
  const { statement, params = {} } = output
  const compiled = typeof statement === 'string' ? settings.statements.get(statement) : undefined
  if (typeof statement !== 'string' || compiled === undefined) {
    const names = [...settings.statements.keys()].join(', ') || 'none'
    const shown = typeof statement === 'string' ? JSON.stringify(statement) : typeName(statement)
    throw new Error(`\`statement\` must name a statement of the sink's configuration (${names}), not ${shown}`)
  }
  if (!isPlain(params)) throw new Error(`\`params\` must be an object, not ${typeName(params)}`)
  const values = new Map<string, Cell>()
  let bytes = statement.length
  for (const [name, value] of Object.entries(params)) {
    if (!compiled.names.includes(name)) {
      throw new Error(`\`params.${name}\`: the statement ${statement} has no :${name} (${listed(compiled.names)})`)
    }
    if (value === undefined) throw new Error(`\`params.${name}\` is undefined; null is NULL`)
    const taken = cell(value, () => `\`params.${name}\``)
    values.set(name, taken)
    bytes += cellBytes(taken) + 8
  }
  const missing = compiled.names.filter((name) => !values.has(name) && name !== ID_PARAMETER)
  if (missing.length > 0) throw new Error(`\`params\` lacks ${missing.join(', ')} of the statement ${statement}`)
  return { op: 'statement', statement, params: values, bytes }
}

const listed = (names: readonly string[]): string =>
  names.length === 0 ? 'it has none' : `it has ${names.map((name) => `:${name}`).join(', ')}`

function tableOf(table: unknown, settings: WriteSettings): KnownTable {
  if (table === undefined && settings.table !== null) return settings.tables.get(settings.table)
  if (table === undefined) throw new Error('`table` is missing, and the sink has none for payloads without')
  if (typeof table !== 'string') throw new Error(`\`table\` must be a string, not ${typeName(table)}`)
  try {
    return settings.tables.get(table)
  } catch (error) {
    throw new Error(`\`table\`: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function namesOf(value: unknown, where: string, known: ReadonlySet<string>): string[] {
  if (!Array.isArray(value)) throw new Error(`${where} must be a list of columns, not ${typeName(value)}`)
  return value.map((name: unknown) => {
    if (typeof name === 'string' && known.has(name)) return name
    throw new Error(`${where}: ${typeof name === 'string' ? name : typeName(name)} is no column of \`data\``)
  })
}
