// All kinds of sinks behind one handler, two of them away at a time. All servers are this file's own.
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { EACH_ONCE, eachOnce, type Tally } from './chaos/each-once.ts'
import { jobIds, jobs } from './chaos/jobs.ts'
import {
  cutNetwork,
  freezeBroker,
  freezeServer,
  KilledCollector,
  killBroker,
  killServer,
  moveFolder,
  type Outage,
  refuseConnections,
  Store,
} from './chaos/outages.ts'
import { Stage } from './chaos/stage.ts'
import type { WorkerProcess } from './chaos/worker.ts'
import { type KafkaBroker, startKafka } from './kafka.ts'
import { startMongo } from './mongo.ts'
import { dsnOf, startPostgres } from './postgres.ts'
import { postgresClient, postgresSchema, rowsOf } from './postgres-sink-kit.ts'
import { type Proxy, startProxy } from './proxy.ts'
import { startRedis } from './redis.ts'
import type { ServerProcess } from './server-process.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
/** Messages that are produced before each outage, during it, and when everything is back for the last time. */
const PORTION = NIGHTLY ? 200 : 180
/** Longer than every time-out below. */
const AWAY_MS = NIGHTLY ? 15_000 : 6_000
const TIMEOUT_SECONDS = 3

type StoreName = 'kafka' | 'postgres' | 'mongo' | 'redis' | 'http' | 'files'
const STORES: readonly StoreName[] = ['kafka', 'postgres', 'mongo', 'redis', 'http', 'files']
const EVERY_PAIR = STORES.flatMap((one, n) => STORES.slice(n + 1).map((other) => [one, other] as const))
/** In the short form each store is away at least once, and those that hold connections in two ways. */
const PAIRS: typeof EVERY_PAIR = NIGHTLY
  ? [...EVERY_PAIR, ...EVERY_PAIR]
  : [
      ['postgres', 'redis'],
      ['kafka', 'mongo'],
      ['http', 'files'],
      ['redis', 'mongo'],
      ['kafka', 'postgres'],
    ]

let kafka: KafkaBroker
let postgres: ServerProcess
let mongo: ServerProcess
let redis: ServerProcess
let ways: Readonly<Record<'postgres' | 'mongo' | 'redis', Proxy>>
beforeAll(async () => {
  ;[kafka, postgres, mongo, redis] = await Promise.all([
    startKafka(),
    // What they acknowledged must outlive their processes.
    startPostgres('synchronous_commit=on'),
    startMongo(),
    startRedis('--appendonly', 'yes'),
  ])
  const [toPostgres, toMongo, toRedis] = await Promise.all([postgres, mongo, redis].map(({ port }) => startProxy(port)))
  ways = { postgres: toPostgres as Proxy, mongo: toMongo as Proxy, redis: toRedis as Proxy }
}, 300_000)
afterAll(async () => {
  await Promise.all([kafka, postgres, mongo, redis, ...Object.values(ways ?? {})].map((server) => server?.stop()))
})

test('two of six sinks are away at a time, and come back: each holds each result once, and the worker lives through it', {
  timeout: NIGHTLY ? 3_600_000 : 400_000,
}, async () => {
  const throughProxy = await postgresTable()
  await using stage = await Stage.open(kafka.brokers, 'together')
  const collector = await KilledCollector.start(join(stage.folder, 'collected.jsonl'))
  await using toCollector = await startProxy(collector.now.port)
  onTestFinished(() => collector.now.stop())
  const folder = join(stage.folder, 'results')
  const worker = await stage.ready({
    env: { REDIS_LIST: 'list', MONGO_COLLECTION: 'all', RESULT_KINDS: 'postgres,http,files' },
    config: {
      sinks: {
        delivery_timeout_seconds: TIMEOUT_SECONDS,
        circuit_breaker: { failure_threshold: 2, cooldown_seconds: 1 },
        postgres: { main: { dsn: throughProxy, table: 'results' } },
        mongo: { main: { uri: `mongodb://127.0.0.1:${ways.mongo.port}/`, database: 'together' } },
        redis: { main: { url: `redis://127.0.0.1:${ways.redis.port}` } },
        http: { main: { url: `http://127.0.0.1:${toCollector.port}/in` } },
        filesystem: { main: { base_path: folder, path: 'of-{partition}.jsonl', fsync: false } },
      },
    },
  })
  const stores: Readonly<Record<StoreName, Store>> = {
    kafka: new Store('kafka', [killBroker(kafka), freezeBroker(kafka)]),
    postgres: new Store('postgres', [
      cutNetwork(ways.postgres),
      killServer(postgres),
      refuseConnections(ways.postgres),
    ]),
    mongo: new Store('mongo', [freezeServer(mongo), killServer(mongo), cutNetwork(ways.mongo)]),
    redis: new Store('redis', [killServer(redis), freezeServer(redis), cutNetwork(ways.redis)]),
    http: new Store('http', [collector, cutNetwork(toCollector)]),
    files: new Store('files', [moveFolder(folder)]),
  }
  const began = performance.now()
  const say = (line: string): void =>
    void process.stdout.write(`together ${((performance.now() - began) / 1000).toFixed(1)} s: ${line}\n`)
  let produced = 0
  const load = async (): Promise<void> => {
    await stage.produce(jobs(PORTION, { ms: 10 }, produced))
    produced += PORTION
  }
  for (const pair of PAIRS) {
    await load()
    await flowing(stage, worker, produced)
    // While the broker is there: what comes now waits for the sinks that are not.
    await load()
    const outages: Outage[] = pair.map((name) => stores[name].next())
    say(pair.map((name, n) => `${name}: ${outages[n]?.how}`).join('; '))
    await Promise.all(outages.map((outage) => outage.begin()))
    const gone = performance.now()
    await stage.until('they were away long enough', AWAY_MS + 5_000, () => performance.now() - gone > AWAY_MS)
    expect(worker.alive).toBe(true)
    await Promise.all(outages.map((outage) => outage.end()))
  }
  await load()
  await stage.allCommitted(180_000)
  say(`all ${produced} are committed`)
  const found: Readonly<Record<StoreName, Iterable<string>>> = {
    kafka: await inKafka(stage),
    postgres: await inPostgres(throughProxy),
    mongo: await inMongo(),
    redis: await inRedis(),
    http: Object.values((await collector.now.received()).kept).map(({ body }) => idOf(body)),
    files: stage.files().lines.map((line) => line['id'] as string),
  }
  const tallies = STORES.map((name): [StoreName, Tally] => [name, eachOnce(found[name], jobIds(produced))])
  expect(Object.fromEntries(tallies)).toEqual(Object.fromEntries(STORES.map((name) => [name, EACH_ONCE])))
  expect(stage.files().torn).toBe(0)
  expect(await stage.records('dlq')).toEqual([])
  // The test means something only where each of them did fail.
  for (const kind of STORES) {
    const errors = await worker.metric('drakkar_sink_deliver_errors_total', `sink_type="${kind}"`)
    expect(errors, kind).toBeGreaterThan(0)
  }
  worker.signal('SIGTERM')
  expect(await worker.ended).toMatchObject({ status: 0 })
})

/** Waits until everything but the last portion, and the first results of that, are in all sinks. */
async function flowing(stage: Stage, worker: WorkerProcess, produced: number): Promise<void> {
  const wanted = STORES.length * (produced - PORTION) + PORTION
  let delivered: number | null = null
  await stage.until(
    'results arrive',
    120_000,
    async () => {
      delivered = await worker.metric('drakkar_sink_payloads_delivered_total')
      return (delivered ?? 0) >= wanted
    },
    () => `${delivered} of ${wanted} payloads are delivered`,
  )
}

/** A record that the client had to send again can be in the topic twice, with the same `drakkar-id`. */
async function inKafka(stage: Stage): Promise<readonly string[]> {
  const byRecord = new Map<string, string>()
  for (const { headers, value } of await stage.records('out')) {
    const record = headers.find(([name]) => name === 'drakkar-id')?.[1]
    byRecord.set(String(record), idOf(String(value)))
  }
  return [...byRecord.values()]
}

/** Answers the way to its schema through the proxy. */
async function postgresTable(): Promise<string> {
  // No key: what was written twice would be there twice.
  const ddl = 'CREATE TABLE results (id text, partition int, "offset" bigint, bytes int, sum text)'
  const { dsn } = await postgresSchema(dsnOf(postgres.port), ddl)
  return dsn.replace(`:${postgres.port}/`, `:${ways.postgres.port}/`)
}

async function inPostgres(dsn: string): Promise<readonly string[]> {
  const rows = await rowsOf<{ id: string }>(await postgresClient(dsn), 'SELECT id FROM results')
  return rows.map(({ id }) => id)
}

async function inMongo(): Promise<readonly string[]> {
  const client = new MongoClient(`mongodb://127.0.0.1:${mongo.port}/`)
  try {
    const documents = await client.db('together').collection('all').find().toArray()
    return documents.map((document) => document['id'] as string)
  } finally {
    await client.close()
  }
}

async function inRedis(): Promise<readonly string[]> {
  const client = new Redis(redis.port, '127.0.0.1', { protocol: 2 })
  try {
    return await client.lrange('list', 0, -1)
  } finally {
    client.disconnect()
  }
}

const idOf = (text: string): string => (JSON.parse(text) as { id: string }).id
