// The HTTP sink through the delivery of a worker, beside the plainest good script with the same driver and one request at
// a time; and batches of 500. The service is in a process of its own.
import { Pool } from 'undici'
import { createHttpSink, type HttpSinkOptions, type Sink } from '../../src/flow/sinks/index.ts'
import { systemClock as clock } from '../../src/lib/index.ts'
import { Collector } from '../../test/support/collector.ts'
import { type Figures, measured, print, throughDelivery } from './delivered.ts'

const COUNT = Number(process.env['BENCH_RECORDS'] ?? 20_000)
const CONNECTIONS = 16
const BATCH = 500
/** What 16 connections make of the batches where each record is a request. */
const AS_CONFIGURED = { maxRecords: 8, inFlight: 4 }
const data = (n: number): object => ({ id: n, text: 'x'.repeat(100) })

function sinkTo(url: string, batchFormat: HttpSinkOptions['batchFormat']): Sink {
  return createHttpSink({
    name: 'out',
    url,
    method: 'POST',
    encoding: 'json',
    contentType: '',
    headers: {},
    payloadUrl: 'none',
    allowedHosts: [],
    idempotencyHeader: 'Idempotency-Key',
    batchFormat,
    maxRedirects: 0,
    timeoutMs: 27_000,
    connectTimeoutMs: 5000,
    headersTimeoutMs: 30_000,
    bodyTimeoutMs: 10_000,
    connections: CONNECTIONS,
    rate: null,
    tls: { verify: true, caFile: '', certFile: '', keyFile: '', keyPassword: '', serverName: '' },
    addresses: { refusePrivate: false, refuseLoopback: false },
    checkAtStart: true,
    clock,
  })
}

async function script(what: string, url: string, count: number, atOnce: number, size: number): Promise<Figures> {
  const pool = new Pool(new URL(url).origin, { connections: CONNECTIONS })
  const body = (n: number): string =>
    JSON.stringify(size === 1 ? data(n) : Array.from({ length: size }, (_, at) => data(n * size + at)))
  const { perSecond, cpuUs } = await measured(what, count / size, atOnce, async (n) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': `k${n}` }
    const answer = await pool.request({ path: '/in', method: 'POST', headers, body: body(n) })
    await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`)
  })
  await pool.close()
  return { what, perSecond: perSecond * size, cpuUs: cpuUs / size }
}

async function run(figures: (url: string) => Promise<Figures>): Promise<Figures> {
  await using service = await Collector.start()
  return await figures(`${service.url}/in`)
}

const http = (n: number): { http: { data: object }[] } => ({ http: [{ data: data(n) }] })
// Once before, so that everything is compiled.
await run((url) => script('', url, COUNT / 10, CONNECTIONS, 1))
await run((url) => throughDelivery('', sinkTo(url, 'none'), AS_CONFIGURED, COUNT / 10, http))
print([
  await run((url) => script(`script, ${CONNECTIONS} at once`, url, COUNT, CONNECTIONS, 1)),
  await run((url) => throughDelivery('sink', sinkTo(url, 'none'), AS_CONFIGURED, COUNT, http)),
  await run((url) => script('script, one at a time', url, COUNT / 4, 1, 1)),
])
print([
  await run((url) => script(`script, lists of ${BATCH}, 4 at once`, url, COUNT * 10, 4, BATCH)),
  await run((url) =>
    throughDelivery(
      'sink, batch_format array',
      sinkTo(url, 'array'),
      { maxRecords: BATCH, inFlight: 4 },
      COUNT * 10,
      http,
    ),
  ),
])
