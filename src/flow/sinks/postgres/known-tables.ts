import { type TableName, tableName } from './identifier.ts'
import { RowReader } from './row.ts'

/** A table that payloads name. */
export interface KnownTable {
  readonly name: TableName
  readonly data: RowReader
  readonly where: RowReader
}

/** Tables that are remembered. */
const MOST_TABLES = 1000

/** The tables of payloads by the names in them, which are taken apart once. */
export class KnownTables {
  readonly #tables = new Map<string, KnownTable>()

  /** @throws Error where the name cannot be one. */
  get(text: string): KnownTable {
    const known = this.#tables.get(text)
    if (known !== undefined) return known
    const table: KnownTable = { name: tableName(text), data: new RowReader(), where: new RowReader() }
    if (this.#tables.size >= MOST_TABLES) this.#tables.clear()
    this.#tables.set(text, table)
    return table
  }
}
