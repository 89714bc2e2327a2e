import type { LookupFunction } from 'node:net'
import type { AddressRules, Clock } from '../../../lib/index.ts'
import type { RecordVerdict, Sink, SinkRecord } from '../sink.ts'
import { type BatchFormat, batchBody, batchId, halves } from './batch.ts'
import { BearerToken } from './bearer-token.ts'
import { HttpClient, type TlsOptions } from './client.ts'
import type { Encoding } from './encode.ts'
import { Gate } from './gate.ts'
import { type Headers, idempotencyKey } from './headers.ts'
import { type HttpRecord, httpRecord, type RecordRules, recordBytes } from './http-record.ts'
import { type SenderOptions, type Sent, send } from './sender.ts'
import { withoutCredentials } from './target.ts'
import type { RateLimit } from './token-bucket.ts'

export interface HttpSinkOptions {
  /** Name of the instance: the key under `sinks.http`. */
  readonly name: string
  /** Credentials in it go out as an `Authorization` header. */
  readonly url: string
  readonly method: string
  readonly encoding: Encoding
  /** Of `raw` bodies; empty: by what the data is. */
  readonly contentType: string
  /** Sent with each request to this host. */
  readonly headers: Headers
  /** File with a token that goes along as `Authorization: Bearer …`. Default: none. */
  readonly bearerTokenFile?: string
  readonly payloadUrl: 'none' | 'path' | 'url'
  readonly allowedHosts: readonly string[]
  /** Header that carries the record's id; empty: none. */
  readonly idempotencyHeader: string
  /** `none`: one request for each record. `array`: a JSON list of the data; `envelope`: of `{ id, data }`. */
  readonly batchFormat: BatchFormat
  readonly maxRedirects: number
  /** For everything that one call of `deliver` does, milliseconds; also for waiting its turn. */
  readonly timeoutMs: number
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
  /** Connections to each host. */
  readonly connections: number
  /** Requests to each host; null: no limit. */
  readonly rate: RateLimit | null
  readonly tls: TlsOptions
  readonly addresses: AddressRules
  /** Whether `connect` opens a connection. */
  readonly checkAtStart: boolean
  readonly clock: Clock
  /** How names become addresses. Default: the system's way. */
  readonly lookup?: LookupFunction
}

/**
 * A sink that makes a request of each record (or of a batch). A record is placed when the whole answer is there and is 2xx.
 * A request whose answer never came is sent again with the same key, so a receiver that remembers keys takes it once.
 */
export function createHttpSink(options: HttpSinkOptions): Sink<HttpRecord> {
  return new HttpSink(options)
}

/** Answers to a batch that may be the fault of one of its records. */
const SPLITS = new Set([400, 409, 413, 415, 422])

class HttpSink implements Sink<HttpRecord> {
  readonly kind = 'http'
  readonly name: string
  readonly #options: HttpSinkOptions
  readonly #rules: RecordRules
  readonly #headers: Headers
  readonly #token: BearerToken | null
  readonly #sender: SenderOptions
  #client: HttpClient | null = null

  constructor(options: HttpSinkOptions) {
    this.name = options.name
    this.#options = options
    const { url, authorization } = withoutCredentials(options.url)
    const named = Object.entries(options.headers).map(([name, value]) => [name.toLowerCase(), value])
    this.#headers = { ...(authorization === null ? {} : { authorization }), ...Object.fromEntries(named) }
    const { bearerTokenFile, clock } = options
    this.#token =
      bearerTokenFile === undefined
        ? null
        : new BearerToken(bearerTokenFile, `sinks.http.${this.name}.bearer_token_file`, clock)
    const idempotencyHeader = options.idempotencyHeader.toLowerCase()
    const { method, encoding, contentType, payloadUrl, allowedHosts } = options
    const batched = options.batchFormat !== 'none'
    this.#rules = { base: url, method, encoding, contentType, payloadUrl, allowedHosts, idempotencyHeader, batched }
    this.#sender = {
      gate: new Gate(options.rate),
      clock: options.clock,
      maxRedirects: options.maxRedirects,
      publicHeaders: ['content-type', idempotencyHeader],
    }
  }

  accept(payload: unknown): HttpRecord {
    return httpRecord(payload, this.#rules)
  }

  size(payload: HttpRecord): number {
    return recordBytes(payload, this.#rules)
  }

  async connect(): Promise<void> {
    try {
      this.#token?.open()
      this.#client = await HttpClient.open({ ...this.#options, where: `sinks.http.${this.name}` })
      if (this.#options.checkAtStart) await this.#client.check(this.#rules.base)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async deliver(batch: readonly SinkRecord<HttpRecord>[], signal: AbortSignal): Promise<readonly RecordVerdict[]> {
    if (this.#client === null) throw new Error(`http:${this.name} is not open`)
    const { clock, timeoutMs, batchFormat } = this.#options
    const end = new AbortController()
    const timer = clock.timer(timeoutMs, () => end.abort(new Error(`no complete answer within ${timeoutMs / 1000} s`)))
    const onAbort = (): void => end.abort(signal.reason)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    try {
      if (batchFormat !== 'none') return batch.length === 0 ? [] : await this.#together(batch, end.signal)
      const sent = await Promise.all(batch.map((record) => this.#send(record.payload, record.id, end.signal)))
      return sent.map(({ verdict }) => verdict)
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = null
    this.#token?.close()
    await client?.close()
  }

  /** All in one request; where that is refused for what is in it, each half by itself, down to the record at fault. */
  async #together(batch: readonly SinkRecord<HttpRecord>[], signal: AbortSignal): Promise<RecordVerdict[]> {
    const [first] = batch as [SinkRecord<HttpRecord>]
    const body = batchBody(batch, this.#options.batchFormat)
    const { verdict, status } = await this.#send({ ...first.payload, body }, batchId(batch), signal)
    if (batch.length === 1 || !SPLITS.has(status)) return batch.map(() => verdict)
    const [left, right] = halves(batch)
    return [...(await this.#together(left, signal)), ...(await this.#together(right, signal))]
  }

  #send({ method, url, headers, body, contentType }: HttpRecord, id: string, signal: AbortSignal): Promise<Sent> {
    const client = this.#client
    if (client === null) throw new Error(`http:${this.name} was closed`)
    const { base, idempotencyHeader } = this.#rules
    const ours = url.origin === base.origin
    const call = {
      method,
      url,
      body,
      headers: {
        ...(ours ? this.#headers : undefined),
        ...(ours ? this.#token?.header : undefined),
        ...headers,
        ...(contentType === '' ? {} : { 'content-type': contentType }),
        ...(idempotencyHeader === '' ? {} : { [idempotencyHeader]: idempotencyKey(id) }),
      },
    }
    const own = { host: url.host === base.host, credentials: ours && headers['authorization'] === undefined }
    return send(client, call, own, this.#sender, signal)
  }
}
