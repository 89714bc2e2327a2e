import type { Config } from '../../config/index.ts'
import { createHttpSink, type Sink } from '../../flow/sinks/index.ts'
import { systemClock as clock } from '../../lib/index.ts'
import { reasonOf } from '../../model/index.ts'
import { type BuiltSink, limits } from './built.ts'
import { closing, PATIENCE_SECONDS, type SinkCheck } from './check.ts'

type HttpConfig = Config['sinks']['http'][string]

/** Batches that are under way at the same time where each record is a request of its own. */
const MOST_BATCHES = 4
/** How long a record may have to wait for its token; longer would look like a sink that does not answer. */
const LONGEST_WAIT_SECONDS = 5

export function httpSinks(config: Config): BuiltSink[] {
  return Object.entries(config.sinks.http).map(([name, sink]) => ({
    sink: httpSink(config, name, sink),
    batch: batchOf(sink),
  }))
}

/** What `drakkar doctor` looks at: whether a connection can be opened, TLS included; nothing is asked over it. */
export function httpChecks(config: Config): SinkCheck[] {
  return Object.entries(config.sinks.http).map(([name, sink]) => ({
    path: `sinks.http.${name}`,
    run: async () => {
      const connectTimeoutSeconds = Math.min(sink.connectTimeoutSeconds, PATIENCE_SECONDS)
      const opened = httpSink(config, name, { ...sink, connectTimeoutSeconds, checkAtStart: true })
      try {
        return await closing(opened, async () => {
          await opened.connect()
          return { says: `${new URL(sink.url).origin} can be reached` }
        })
      } catch (error) {
        if (sink.checkAtStart) throw error
        const advice = 'A worker starts without it (check_at_start: false), and holds its partitions until it is there.'
        return { says: null, warnings: [{ says: reasonOf(error), advice }] }
      }
    },
  }))
}

function httpSink(config: Config, name: string, sink: HttpConfig): Sink {
  const seconds = (value: number): number => value * 1000
  return createHttpSink({
    name,
    url: sink.url,
    method: sink.method,
    encoding: sink.encoding,
    contentType: sink.contentType,
    headers: sink.headers,
    ...(sink.bearerTokenFile === '' ? {} : { bearerTokenFile: sink.bearerTokenFile }),
    payloadUrl: sink.payloadUrl,
    allowedHosts: sink.allowedHosts,
    idempotencyHeader: sink.idempotencyHeader,
    batchFormat: sink.batchFormat,
    maxRedirects: sink.maxRedirects,
    // What is decided must be answered before the delivery gives the whole batch up.
    timeoutMs: seconds(Math.min(sink.timeoutSeconds, 0.9 * config.sinks.deliveryTimeoutSeconds)),
    connectTimeoutMs: seconds(sink.connectTimeoutSeconds),
    headersTimeoutMs: seconds(sink.headersTimeoutSeconds),
    bodyTimeoutMs: seconds(sink.bodyTimeoutSeconds),
    connections: sink.maxConnections,
    rate: sink.requestsPerSecond === undefined ? null : { perSecond: sink.requestsPerSecond, burst: sink.burst },
    tls: sink.tls,
    addresses: { refusePrivate: sink.refusePrivate, refuseLoopback: sink.refuseLoopback },
    checkAtStart: sink.checkAtStart,
    clock,
  })
}

/**
 * Where each record is a request twice as many are under way as there are connections, in several batches: so connections
 * are busy, and one slow answer keeps few others back. With a rate no more than it lets pass soon.
 */
function batchOf(sink: HttpConfig): BuiltSink['batch'] {
  const { requestsPerSecond: rate, maxConnections } = sink
  const most = 2 * maxConnections
  const atOnce = rate === undefined ? most : Math.min(most, Math.ceil(rate * LONGEST_WAIT_SECONDS))
  const inFlight = Math.min(MOST_BATCHES, atOnce)
  if (sink.batchFormat !== 'none') return { ...limits(sink), inFlight }
  return { ...limits(sink), maxRecords: Math.min(sink.maxBatchRecords, Math.floor(atOnce / inFlight)), inFlight }
}
