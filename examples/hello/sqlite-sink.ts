import { DatabaseSync } from 'node:sqlite'
import { defineSink, type RecordVerdict, type Sink, type SinkRecord } from 'drakkar'
import { z } from 'zod'

/** A row as the sink keeps it between `accept` and `deliver`. */
interface Row {
  readonly json: string
}

/** A sink of one's own: rows of a SQLite table, each there once, however often it comes. */
class SqliteSink implements Sink<Row> {
  readonly kind = 'sqlite'
  readonly name: string
  readonly #path: string
  #database: DatabaseSync | null = null

  constructor(name: string, path: string) {
    this.name = name
    this.#path = path
  }

  accept(data: unknown): Row {
    const json = JSON.stringify(data)
    if (json === undefined) throw new Error('`data` must be something that JSON has')
    return { json }
  }

  size(row: Row): number {
    return row.json.length
  }

  async connect(): Promise<void> {
    // Others may read or write it at the same time.
    this.#database = new DatabaseSync(this.#path, { timeout: 5000 })
    this.#database.exec('CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT')
  }

  async deliver(batch: readonly SinkRecord<Row>[]): Promise<readonly RecordVerdict[]> {
    const database = this.#database
    if (database === null) throw new Error('the database is not open')
    // What throws rolls back and rejects: the whole batch comes again. That is right for a disk that is full.
    database.exec('BEGIN')
    try {
      const insert = database.prepare('INSERT INTO rows (id, json) VALUES (?, ?) ON CONFLICT (id) DO NOTHING')
      for (const { id, payload } of batch) insert.run(id, payload.json)
      database.exec('COMMIT')
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
    return batch.map(() => ({ ok: true }))
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = null
  }
}

export default defineSink({
  kind: 'sqlite',
  config: z.strictObject({ path: z.string().min(1) }),
  create: (name, { path }) => new SqliteSink(name, path),
})
