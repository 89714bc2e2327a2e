import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { EACH_ONCE, eachOnce } from './chaos/each-once.ts'
import { jobIds } from './chaos/jobs.ts'
import { killUnderLoad } from './chaos/kills.ts'
import { Stage } from './chaos/stage.ts'
import { anyKafka } from './kafka.ts'
import { anyMongo } from './mongo.ts'
import { anyRedis } from './redis.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
const MESSAGES = NIGHTLY ? 100_000 : 2000
const KILLS = NIGHTLY ? 200 : 2
const STATIC_AFTER = NIGHTLY ? 20 : 1
const REST_MS = NIGHTLY ? 900_000 : 120_000

let runs = 0
let kafka: Awaited<ReturnType<typeof anyKafka>>
let redis: Awaited<ReturnType<typeof anyRedis>>
let mongo: Awaited<ReturnType<typeof anyMongo>>
beforeAll(async () => {
  ;[kafka, redis, mongo] = await Promise.all([anyKafka(), anyRedis(), anyMongo()])
}, 300_000)
afterAll(async () => {
  await Promise.all([kafka?.stop(), redis?.stop(), mongo?.stop()])
})

test('workers are killed under load, and one wakes up after its partitions moved: Redis and MongoDB hold each result once', {
  timeout: NIGHTLY ? 5_400_000 : 400_000,
}, async () => {
  // A second run of this test in the same process starts with empty stores.
  runs += 1
  const database = `kills${process.pid}_${runs}`
  const list = `${database}:list`
  await using stage = await Stage.open(kafka.brokers, 'stores', {
    config: { sinks: { redis: { main: { url: redis.url } }, mongo: { main: { uri: mongo.uri, database } } } },
  })
  const look = new Redis(redis.url, { protocol: 2 })
  const client = new MongoClient(mongo.uri)
  onTestFinished(async () => {
    look.disconnect()
    await client.db(database).dropDatabase()
    await client.close()
  })
  await killUnderLoad(stage, {
    messages: MESSAGES,
    kills: KILLS,
    portion: 300,
    staticAfter: STATIC_AFTER,
    env: { REDIS_LIST: list, MONGO_COLLECTION: 'all' },
    written: () => look.llen(list),
    restMs: REST_MS,
  })
  expect(eachOnce(await look.lrange(list, 0, -1), jobIds(MESSAGES))).toEqual(EACH_ONCE)
  const documents = await client.db(database).collection('all').find().toArray()
  expect(
    eachOnce(
      documents.map((document) => document['id'] as string),
      jobIds(MESSAGES),
    ),
  ).toEqual(EACH_ONCE)
  expect(await stage.records('dlq')).toEqual([])
})
