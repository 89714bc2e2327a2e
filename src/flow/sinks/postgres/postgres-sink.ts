import type { Clock } from '../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import type { RecordVerdict, Sink, SinkRecord } from '../sink.ts'
import { Catalogue } from './catalogue.ts'
import { Delivered } from './delivered.ts'
import { failed } from './error.ts'
import { tableName } from './identifier.ts'
import { KnownTables } from './known-tables.ts'
import { compileNamed, type NamedStatement } from './named-params.ts'
import type { KnownStatement } from './plan.ts'
import type { PostgresLink, Session } from './session.ts'
import { checkServer, parameterTypes } from './start-checks.ts'
import { unavailable } from './unavailable.ts'
import { type PostgresWrite, postgresWrite, type WriteSettings } from './write.ts'
import { writeBatch } from './writer.ts'

export interface PostgresSinkOptions {
  /** Name of the instance: the key under `sinks.postgres`. */
  readonly name: string
  /** Of this sink alone: it is connected and closed with it. */
  readonly link: PostgresLink
  readonly clock: Clock
  /** Table of payloads that name none. */
  readonly table?: string
  /** SQL by name, with `:name` parameters, for op `statement`. */
  readonly statements?: Readonly<Record<string, string>>
  /**
   * How a record that comes again is written once. `table` (default): its id is noted in `drakkar_delivered` in the same
   * transaction, and a former owner is refused; `key`: inserts carry it in `idColumn`; `none`: it is written again.
   */
  readonly idempotency?: 'table' | 'key' | 'none'
  /** Only for `key`. Default `drakkar_id`. */
  readonly idColumn?: string
  /** Only for `table`. Who writes: the consumer group. */
  readonly scope: string
  /** Only for `table`: where its tables are. Default: the first schema of the search path. */
  readonly schema?: string
  /** Only for `table`: creates its tables where they are missing; `try`: sees whether it may, and leaves nothing. Default true. */
  readonly createTables?: boolean | 'try'
  /** Only for `table`: how long ids are kept, milliseconds; a replay after that writes again. Default a week. */
  readonly keepIdsMs?: number
  /** Longest run of one statement. Default 20 s. */
  readonly statementTimeoutMs?: number
}

const PRUNE_EVERY_MS = 300_000
const WEEK_MS = 604_800_000

/**
 * A sink that writes rows to PostgreSQL, each batch in one transaction. Throws CONFIG_INVALID for a statement or table name
 * that cannot be.
 */
export function createPostgresSink(options: PostgresSinkOptions): Sink<PostgresWrite> {
  return new PostgresSink(options)
}

class PostgresSink implements Sink<PostgresWrite> {
  readonly kind = 'postgres'
  readonly name: string
  readonly #options: PostgresSinkOptions
  readonly #settings: WriteSettings
  readonly #catalogue: Catalogue
  readonly #delivered: Delivered | null
  readonly #statements = new Map<string, KnownStatement>()
  #pruneAt = 0

  constructor(options: PostgresSinkOptions) {
    const { name, idempotency = 'table', idColumn = 'drakkar_id', table = '', schema = '', scope, clock } = options
    this.name = name
    this.#options = options
    this.#settings = {
      table: table === '' ? null : table,
      tables: new KnownTables(),
      statements: compileAll(name, options.statements ?? {}),
      idColumn: idempotency === 'key' ? idColumn : null,
    }
    if (table !== '') checked(`sinks.postgres.${name}.table`, () => tableName(table))
    this.#catalogue = new Catalogue(clock)
    this.#delivered = idempotency === 'table' ? new Delivered({ schema: schema === '' ? null : schema, scope }) : null
  }

  accept(payload: unknown): PostgresWrite {
    return postgresWrite(payload, this.#settings)
  }

  size(payload: PostgresWrite): number {
    return payload.bytes
  }

  async connect(): Promise<void> {
    const { link, clock } = this.#options
    await link.connect()
    try {
      await link.lend((session) => this.#prepare(session))
    } catch (error) {
      await link.close()
      throw unavailable(this.name, link.where, error)
    }
    this.#pruneAt = clock.monotonic()
  }

  async deliver(batch: readonly SinkRecord<PostgresWrite>[], signal: AbortSignal): Promise<readonly RecordVerdict[]> {
    if (batch.length === 0) return []
    const label = `postgres:${this.name}`
    const parts = {
      label,
      catalogue: this.#catalogue,
      statements: this.#statements,
      idColumn: this.#settings.idColumn,
      delivered: this.#delivered,
      statementTimeoutMs: this.#options.statementTimeoutMs ?? 20_000,
    }
    try {
      const verdicts = await this.#options.link.lend((session) => writeBatch(session, batch, parts), signal)
      this.#prune()
      return verdicts
    } catch (error) {
      const verdict = failed(error, label)
      // No record stands out, so it is none's fault.
      const passing: RecordVerdict = verdict.ok ? verdict : { ...verdict, kind: 'transient' }
      return batch.map(() => passing)
    }
  }

  close(): Promise<void> {
    return this.#options.link.close()
  }

  async #prepare(session: Session): Promise<void> {
    const path = `sinks.postgres.${this.name}`
    await checkServer(session)
    const { table } = this.#settings
    if (table !== null && (await this.#catalogue.columns(session, tableName(table), [])) === null) {
      throw refused(
        `${path}.table: there is no table ${table}, or this role may not see it`,
        'Create it, or correct its name.',
      )
    }
    for (const [name, compiled] of this.#settings.statements) {
      const types = await parameterTypes(session, compiled).catch((error: unknown) => {
        throw refused(
          `${path}.statements.${name}: PostgreSQL refuses it: ${reasonOf(error)}`,
          'Correct the statement, or create what it needs.',
          error,
        )
      })
      this.#statements.set(name, { compiled, types })
    }
    const delivered = this.#delivered
    await delivered?.prepare(session, this.#options.createTables ?? true).catch((error: unknown) => {
      throw refused(
        `${path}.idempotency: the tables for ids and owners cannot be used: ${reasonOf(error)}`,
        `Let the role create them, or create them yourself and grant SELECT, INSERT, UPDATE and DELETE: ${delivered.ddl} Or set idempotency to key or none.`,
        error,
      )
    })
  }

  /** Beside the next batches; where it fails the next one tries again. */
  #prune(): void {
    const { clock, link, keepIdsMs = WEEK_MS } = this.#options
    const delivered = this.#delivered
    const now = clock.monotonic()
    if (delivered === null || now < this.#pruneAt) return
    this.#pruneAt = now + PRUNE_EVERY_MS
    link.lend((session) => delivered.prune(session, keepIdsMs)).catch(() => undefined)
  }
}

function compileAll(name: string, statements: Readonly<Record<string, string>>): Map<string, NamedStatement> {
  return new Map(
    Object.entries(statements).map(([key, sql]) => [
      key,
      checked(`sinks.postgres.${name}.statements.${key}`, () => compileNamed(sql)),
    ]),
  )
}

function checked<T>(path: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new DrakkarError('CONFIG_INVALID', `${path}: ${reasonOf(error)}`, { cause: error })
  }
}

function refused(message: string, advice: string, cause?: unknown): DrakkarError {
  return new DrakkarError('SINK_UNAVAILABLE', message, { cause, advice })
}
