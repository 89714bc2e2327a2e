import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createHttpSink, type HttpSinkOptions, type Sink } from '../../src/flow/sinks/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import { Collector } from '../support/collector.ts'
import { startProxy } from './proxy.ts'
import { deliverAll, recordFor } from './sink-kit.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
const RECORDS = NIGHTLY ? 100_000 : 10_000

let folder = ''
const sinks: Sink[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drakkar-http-'))
})
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close()
})
afterAll(() => rm(folder, { recursive: true }))

async function connected(url: string, over: Partial<HttpSinkOptions> = {}): Promise<Sink> {
  const sink = createHttpSink({
    name: 'out',
    url,
    method: 'POST',
    encoding: 'json',
    contentType: '',
    headers: {},
    payloadUrl: 'none',
    allowedHosts: [],
    idempotencyHeader: 'Idempotency-Key',
    batchFormat: 'none',
    maxRedirects: 0,
    timeoutMs: 1000,
    connectTimeoutMs: 1000,
    headersTimeoutMs: 10_000,
    bodyTimeoutMs: 10_000,
    connections: 16,
    rate: null,
    tls: { verify: true, caFile: '', certFile: '', keyFile: '', keyPassword: '', serverName: '' },
    addresses: { refusePrivate: false, refuseLoopback: false },
    checkAtStart: true,
    clock: systemClock,
    ...over,
  })
  sinks.push(sink)
  await sink.connect()
  return sink
}

const records = (sink: Sink, from: number, count: number): ReturnType<typeof recordFor>[] =>
  Array.from({ length: count }, (_, n) => recordFor(sink, { data: from + n }, `jobs:0:${from + n}:0/http:out/0`))

async function keptBy(collector: Collector): Promise<number[]> {
  const { kept } = await collector.received()
  return Object.values(kept)
    .map(({ body }) => JSON.parse(body) as number)
    .sort((a, b) => a - b)
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

test(`${RECORDS} records are kept once each, while the service is killed and started again`, async () => {
  const file = join(folder, 'restart')
  const first = await Collector.start(undefined, [], file)
  const sink = await connected(`${first.url}/in`)
  const third = Math.floor(RECORDS / 3)
  await deliverAll(sink, records(sink, 0, third))
  const killed = first.stop()
  const going = deliverAll(sink, records(sink, third, third))
  await killed
  await using second = await Collector.start(first.port, [], file)
  await going
  await deliverAll(sink, records(sink, 2 * third, RECORDS - 2 * third))
  expect(await keptBy(second)).toEqual(numbers(RECORDS))
}, 120_000)

test('records are kept once each through a network that is cut, resets, and gets slow', async () => {
  await using collector = await Collector.start()
  await using proxy = await startProxy(collector.port)
  const sink = await connected(`http://127.0.0.1:${proxy.port}/in`)
  const count = NIGHTLY ? 20_000 : 2_000
  const faults = [() => proxy.cut(), () => proxy.reset(), () => proxy.reset(true), () => proxy.delay(300)]
  for (const [index, fault] of faults.entries()) {
    const going = deliverAll(sink, records(sink, (index * count) / 4, count / 4), 60_000)
    fault()
    const healed = setTimeout(() => proxy.heal(), 1500)
    await going
    clearTimeout(healed)
    proxy.heal()
  }
  expect(await keptBy(collector)).toEqual(numbers(count))
}, 120_000)

test('a service that answers half of everything with errors gets everything in the end', async () => {
  await using collector = await Collector.start()
  for (const path of ['flaky/1/503', 'flaky/2/500']) {
    const sink = await connected(`${collector.url}/${path}`)
    await deliverAll(sink, records(sink, path.endsWith('503') ? 0 : 500, 500))
  }
  expect(await keptBy(collector)).toEqual(numbers(1000))
})

test('batches: every record is kept, and a batch is cut down to the record at fault', async () => {
  await using collector = await Collector.start()
  const sink = await connected(`${collector.url}/in`, { batchFormat: 'array' })
  await deliverAll(sink, records(sink, 0, RECORDS))
  const { kept, requests } = await collector.received()
  const all = Object.values(kept).flatMap(({ body }) => JSON.parse(body) as number[])
  expect(all.sort((a, b) => a - b)).toEqual(numbers(RECORDS))
  expect(requests).toHaveLength(RECORDS / 500)
}, 120_000)
