import { createHash } from 'node:crypto'
import type { Pool, PoolClient, PoolConfig } from 'pg'
import { type PostgresTarget, parsePostgresUrl, readSecret } from '../../../lib/index.ts'
import { type PostgresTls, tlsOptions } from './pg-tls.ts'
import type { Answer, PostgresLink, Session } from './session.ts'
import { unavailable } from './unavailable.ts'

export interface PostgresLinkOptions {
  /** Of the sink, for errors. */
  readonly name: string
  /** `postgres://user:password@host:port/database`. */
  readonly dsn: string
  /** Over the one in `dsn`. */
  readonly password?: string
  /** Read for each connection, so that a changed password needs no restart. Over the other two. */
  readonly passwordFile?: string
  readonly tls?: PostgresTls
  readonly poolMin: number
  readonly poolMax: number
  readonly connectTimeoutMs: number
  /** Longest wait for one answer. */
  readonly answerTimeoutMs: number
  /** Default true. Off: for poolers that give each transaction another connection and cannot keep them apart. */
  readonly prepared?: boolean
}

/** Statements that a connection keeps prepared; one with more is closed after its batch, and another opened. */
const MOST_PREPARED = 200

/** A link through node-postgres, which is loaded when it connects. Throws where the URL cannot be read. */
export function postgresLink(options: PostgresLinkOptions): PostgresLink {
  return new PgLink(options)
}

class PgLink implements PostgresLink {
  readonly where: string
  readonly #options: PostgresLinkOptions
  readonly #target: PostgresTarget
  readonly #prepared = new WeakMap<PoolClient, Set<string>>()
  #pool: Pool | null = null
  #closing: Promise<void> | null = null

  constructor(options: PostgresLinkOptions) {
    this.#options = options
    this.#target = parsePostgresUrl(options.dsn)
    const { host, port, database } = this.#target
    this.where = `${host}:${port}/${database ?? ''}`
  }

  async connect(): Promise<void> {
    const pg = await import('pg')
    try {
      const pool = new pg.default.Pool(await this.#poolConfig())
      // A connection that dies while nobody has it: the pool has dropped it already.
      pool.on('error', () => undefined)
      this.#pool = pool
      await this.lend((session) => session.script('SELECT 1'))
    } catch (error) {
      await this.close()
      throw unavailable(this.#options.name, this.where, error)
    }
  }

  async lend<T>(work: (session: Session) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const pool = this.#pool
    if (pool === null) throw new Error('the connection is closed')
    const client = await pool.connect()
    let returned = false
    const giveBack = (broken: boolean): void => {
      if (returned) return
      returned = true
      client.release(broken)
    }
    // Its locks must not keep the next attempt waiting.
    const onAbort = (): void => {
      destroy(client)
      giveBack(true)
    }
    // What is said while nobody waits for an answer; whoever asks next is told.
    const onError = (): void => undefined
    client.on('error', onError)
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    let broken = true
    try {
      const names = this.#namesOf(client)
      const result = await work(new PgSession(client, this.#options.prepared === false ? null : names))
      broken = names.size > MOST_PREPARED
      return result
    } finally {
      signal?.removeEventListener('abort', onAbort)
      giveBack(broken)
      client.off('error', onError)
      if (broken) client.on('error', onError)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const pool = this.#pool
    this.#pool = null
    await pool?.end()
  }

  #namesOf(client: PoolClient): Set<string> {
    const known = this.#prepared.get(client) ?? new Set<string>()
    this.#prepared.set(client, known)
    return known
  }

  async #poolConfig(): Promise<PoolConfig> {
    const { host, port, user, database, options, applicationName, channelBinding } = this.#target
    const { poolMin, poolMax, connectTimeoutMs, answerTimeoutMs, passwordFile, tls } = this.#options
    const password = this.#options.password ?? this.#target.password
    return {
      host,
      port,
      application_name: applicationName ?? 'drakkar',
      ...(user === undefined ? {} : { user }),
      ...(database === undefined ? {} : { database }),
      ...(options === undefined ? {} : { options }),
      ...(channelBinding ? { enableChannelBinding: true } : {}),
      ...(password === undefined ? {} : { password }),
      ...(passwordFile === undefined ? {} : { password: () => readSecret(passwordFile) }),
      ssl: await tlsOptions(this.#target, tls ?? {}),
      min: Math.min(poolMin, poolMax),
      max: poolMax,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: answerTimeoutMs,
      keepAlive: true,
      // Statements of a batch go out together: rows that one statement cannot write need no trip each.
      pipeline: true,
      allowExitOnIdle: true,
    }
  }
}

/** At once; `end` would wait for what is under way. */
function destroy(client: PoolClient): void {
  client.connection.stream.destroy()
}

class PgSession implements Session {
  readonly #client: PoolClient
  /** Names of what this connection has prepared; null: nothing is kept. */
  readonly #names: Set<string> | null

  constructor(client: PoolClient, names: Set<string> | null) {
    this.#client = client
    this.#names = names
  }

  async run<Row extends object>(text: string, values: readonly (string | null)[]): Promise<Answer<Row>> {
    const name = this.#nameOf(text)
    const query = { text, values: [...values], ...(name === null ? {} : { name }) }
    const { rows, command } = await this.#client.query<Row>(query)
    return { rows, command }
  }

  async script(text: string): Promise<void> {
    await this.#client.query(text)
  }

  #nameOf(text: string): string | null {
    if (this.#names === null) return null
    const name = statementName(text)
    this.#names.add(name)
    return name
  }
}

const nameCache = new Map<string, string>()

/** The same for the same text on every connection. */
function statementName(text: string): string {
  const known = nameCache.get(text)
  if (known !== undefined) return known
  const name = `drakkar_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
  if (nameCache.size >= 10 * MOST_PREPARED) nameCache.clear()
  nameCache.set(text, name)
  return name
}
