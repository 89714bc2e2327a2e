import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { HttpRecord } from '../../src/flow/sinks/http/http-record.ts'
import { createHttpSink, type HttpSinkOptions } from '../../src/flow/sinks/http/http-sink.ts'
import type { RecordVerdict, Sink } from '../../src/flow/sinks/sink.ts'
import { systemClock } from '../../src/lib/index.ts'
import { Collector } from './collector.ts'

export const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
export const signal: AbortSignal = new AbortController().signal
export const NO_TLS = { verify: true, caFile: '', certFile: '', keyFile: '', keyPassword: '', serverName: '' }

let counter = 0

/** The id of the last record that was delivered. */
export const lastId = (): string => `jobs:0:${counter}:0/http:out/0`

/** A sink to `url`, as it is without settings. */
export function httpOptions(over: Partial<HttpSinkOptions> & { readonly url: string }): HttpSinkOptions {
  return {
    name: 'out',
    method: 'POST',
    encoding: 'json',
    contentType: '',
    headers: {},
    payloadUrl: 'none',
    allowedHosts: [],
    idempotencyHeader: 'Idempotency-Key',
    batchFormat: 'none',
    maxRedirects: 0,
    timeoutMs: 10_000,
    connectTimeoutMs: 5_000,
    headersTimeoutMs: 10_000,
    bodyTimeoutMs: 10_000,
    connections: 16,
    rate: null,
    tls: NO_TLS,
    addresses: { refusePrivate: false, refuseLoopback: false },
    checkAtStart: true,
    clock: systemClock,
    ...over,
  }
}

/** Connected, and closed with the test. */
async function openHttpSink(over: Partial<HttpSinkOptions> & { readonly url: string }): Promise<Sink<HttpRecord>> {
  const sink = createHttpSink(httpOptions(over))
  onTestFinished(() => sink.close())
  await sink.connect()
  return sink
}

type Open = (over?: Partial<HttpSinkOptions>) => Promise<Sink<HttpRecord>>

/** For a test file: a collector as long as it runs, and sinks to it. */
export function httpBench(): {
  readonly server: Collector
  readonly connected: Open
  /** To a path of the collector that misbehaves. */
  readonly at: (path: string, over?: Partial<HttpSinkOptions>) => Promise<Sink<HttpRecord>>
} {
  let server: Collector
  beforeAll(async () => {
    server = await Collector.start()
  })
  afterAll(() => server.stop())
  return {
    get server() {
      return server
    },
    connected: (over = {}) => openHttpSink({ url: `${server.url}/in`, ...over }),
    at: (path, over = {}) => openHttpSink({ url: `${server.url}/${path}`, ...over }),
  }
}

export async function deliverHttp(
  sink: Sink<HttpRecord>,
  ...payloads: readonly object[]
): Promise<readonly RecordVerdict[]> {
  const batch = payloads.map((payload) => {
    counter += 1
    return { id: lastId(), payload: sink.accept(payload), assignment }
  })
  return sink.deliver(batch, signal)
}

/** `ok`, or kind, wait and error of one record's verdict. */
export async function deliverOneHttp(sink: Sink<HttpRecord>, payload: object = { data: 1 }): Promise<string> {
  const [verdict] = await deliverHttp(sink, payload)
  if (verdict === undefined) return 'nothing'
  return verdict.ok ? 'ok' : `${verdict.kind} ${verdict.retryAfterMs ?? '-'} ${verdict.error.message}`
}
