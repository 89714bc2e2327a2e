import type { AnyBulkWriteOperation, Document, MongoClient } from 'mongodb'
import { DrakkarError } from '../../../model/index.ts'
import { tlsText, wantsCertificate } from '../tls-text.ts'
import { shownError } from './mongo-error.ts'
import type { BulkOperation } from './mongo-write.ts'

export interface MongoLinkOptions {
  /** Of the sink, for errors. */
  readonly name: string
  readonly uri: string
  readonly database: string
  /** Default majority. */
  readonly writeConcern?: 'majority' | number
  /** For a bulk write. Default 20,000. */
  readonly writeTimeoutMs?: number
  /** For a connection, and for finding a server that takes writes. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Default 4. */
  readonly maxPoolSize?: number
}

/** How a bulk write ended: the operations that failed, by their place, and what failed for all others. */
export interface BulkResult {
  readonly failed: ReadonlyMap<number, unknown>
  /** Not null: the others were not written, or not by as many members as asked for. */
  readonly error: unknown
  /** After an ordered write, the first place that was not tried. */
  readonly untriedFrom: number
}

/** The way to a database, through the official driver, which is loaded when it connects. */
export class MongoLink {
  readonly #options: MongoLinkOptions
  #client: MongoClient | null = null

  constructor(options: MongoLinkOptions) {
    this.#options = options
  }

  async connect(): Promise<void> {
    const {
      uri,
      database,
      writeConcern = 'majority',
      writeTimeoutMs = 20_000,
      connectTimeoutMs = 10_000,
    } = this.#options
    let client: MongoClient | undefined
    try {
      const { MongoClient: Client } = await import('mongodb')
      client = new Client(uri, {
        appName: 'drakkar',
        writeConcern: { w: writeConcern, wtimeoutMS: writeTimeoutMs },
        serverSelectionTimeoutMS: connectTimeoutMs,
        connectTimeoutMS: connectTimeoutMs,
        // After the server's own time-out, whose answer says more.
        socketTimeoutMS: writeTimeoutMs + 1000,
        maxPoolSize: this.#options.maxPoolSize ?? 4,
        ignoreUndefined: true,
        readPreference: 'primary',
      })
      await client.connect()
      // A server that asks for a login answers a ping without one.
      await client.db(database).listCollections({}, { nameOnly: true, authorizedCollections: true }).hasNext()
      this.#client = client
    } catch (error) {
      await client?.close().catch(() => undefined)
      throw unavailable(this.#options.name, error)
    }
  }

  /** Never rejects for what a server answered; rejects where none did. */
  async write(collection: string, operations: readonly BulkOperation[], ordered: boolean): Promise<BulkResult> {
    try {
      await this.#collection(collection).bulkWrite(operations as AnyBulkWriteOperation[], { ordered })
      return { failed: new Map(), error: null, untriedFrom: operations.length }
    } catch (error) {
      return bulkResult(error, operations.length, ordered)
    }
  }

  /** Which of these `_id`s are there. */
  async present(collection: string, ids: readonly unknown[]): Promise<ReadonlySet<unknown>> {
    const filter = { _id: { $in: [...ids] } } as Document
    const found = await this.#collection(collection)
      .find(filter, { projection: { _id: 1 } })
      .toArray()
    return new Set(found.map(({ _id }): unknown => _id))
  }

  /** `host:port,…`, as the driver read them from the uri. */
  get where(): string {
    return this.#client?.options.hosts.map(String).join(',') ?? ''
  }

  /** Names of collections that are there, as far as this user may see them. */
  async collections(): Promise<ReadonlySet<string>> {
    if (this.#client === null) throw new Error('the connection is closed')
    const options = { nameOnly: true, authorizedCollections: true }
    const found = await this.#client.db(this.#options.database).listCollections({}, options).toArray()
    return new Set(found.map(({ name }) => name))
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = null
    await client?.close()
  }

  #collection(name: string): ReturnType<ReturnType<MongoClient['db']>['collection']> {
    if (this.#client === null) throw new Error('the connection is closed')
    return this.#client.db(this.#options.database).collection(name)
  }
}

function bulkResult(error: unknown, operations: number, ordered: boolean): BulkResult {
  const found = typeof error === 'object' && error !== null && 'writeErrors' in error ? error.writeErrors : undefined
  const list = (Array.isArray(found) ? found : found === undefined ? [] : [found]) as { readonly index: number }[]
  if (list.length === 0) return { failed: new Map(), error, untriedFrom: 0 }
  if (!ordered) {
    return {
      failed: new Map(list.map((each) => [each.index, each])),
      error: concernError(error),
      untriedFrom: operations,
    }
  }
  // In order there is one error and nothing after it. FerretDB goes on a hundred documents further and may name several;
  // what it left out between them nobody says, so all behind the first counts as not tried.
  const first = list.reduce((least, each) => (each.index < least.index ? each : least))
  return { failed: new Map([[first.index, first]]), error: concernError(error), untriedFrom: first.index + 1 }
}

/** With operations that failed there can be others that too few members have. */
function concernError(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('result' in error)) return null
  const { result } = error
  if (typeof result !== 'object' || result === null || !('getWriteConcernError' in result)) return null
  return (result as { getWriteConcernError(): unknown }).getWriteConcernError() ?? null
}

function unavailable(name: string, error: unknown): DrakkarError {
  const reason = tlsText(shownError(error))
  return new DrakkarError('SINK_UNAVAILABLE', `sinks.mongo.${name}.uri: MongoDB cannot be used: ${reason}`, {
    cause: error,
    advice: adviceFor(reason),
  })
}

function adviceFor(reason: string): string {
  if (/auth|not allowed|unauthorized|logged in/i.test(reason)) {
    return 'Set user, password and authSource in the uri, as the server knows them, and let the user write to the database.'
  }
  if (wantsCertificate(reason)) {
    return 'The server wants a certificate of its clients: add tlsCertificateKeyFile=… to the uri, a file with certificate and key.'
  }
  if (/altnames|does not match certificate/i.test(reason)) {
    return 'The certificate is of another host: name the server in the uri as its certificate does.'
  }
  if (/cert|tls|ssl/i.test(reason)) return 'Add tls=true and tlsCAFile=… to the uri for an authority of your own.'
  return 'Check that the server runs and can be reached from here, and that host, port and replicaSet in the uri are right.'
}
