import type { SinkRecord } from '../sink.ts'
import type { Catalogue } from './catalogue.ts'
import { arrayLiteral, type ColumnType, encode, ValueError } from './column-type.ts'
import type { NamedStatement } from './named-params.ts'
import type { Row } from './row.ts'
import type { Session } from './session.ts'
import { type Made, Shapes } from './shapes.ts'
import type { Column } from './statements.ts'
import { ID_PARAMETER, type PostgresWrite, type RowWrite, type StatementWrite } from './write.ts'

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
  const shapes = new Shapes(parts.catalogue, parts.idColumn)
  for (let index = 0; index < batch.length; index += 1) {
    const { id, payload } = batch[index] as SinkRecord<PostgresWrite>
    try {
      if (payload.op === 'statement') ready.push(statementReady(index, id, payload, parts))
      else ready.push(rowReady(index, id, payload, shapes.same(payload) ?? (await shapes.of(session, payload))))
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

function rowReady(index: number, id: string, write: RowWrite, made: Made): Ready {
  const { shape, sql, many, takesId, distinct } = made
  const values: Value[] = []
  addValues(values, write.data, shape.data)
  if (takesId) values.push(id)
  addValues(values, write.where, shape.where)
  return {
    index,
    sql,
    many,
    values,
    distinct: distinctText(distinct, values),
  }
}

function distinctText(places: readonly number[], values: readonly Value[]): string | null {
  const [first] = places
  if (first === undefined) return null
  // NULL beside an empty text is a statement more, no error.
  if (places.length === 1) return values[first] ?? ''
  return JSON.stringify(places.map((place) => values[place]))
}

/** `columns` are those of the row in their order, without the ones that are compared with NULL. */
function addValues(values: Value[], row: Row, columns: readonly Column[]): void {
  let place = 0
  for (let at = 0; at < row.cells.length; at += 1) {
    const column = columns[place]
    if (column === undefined || column.name !== row.columns[at]) continue
    const value = row.cells[at] ?? null
    place += 1
    // A text is the same for every type; most values are one.
    values.push(typeof value === 'string' ? value : encode(value, column.type, column.where))
  }
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
