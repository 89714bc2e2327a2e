import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { EACH_ONCE, eachOnce } from './chaos/each-once.ts'
import { jobIds, jobs } from './chaos/jobs.ts'
import { Stage } from './chaos/stage.ts'
import { anyKafka } from './kafka.ts'
import { anyMongo } from './mongo.ts'
import { anyRedis } from './redis.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
const MESSAGES = NIGHTLY ? 50_000 : 2000
const KILLS = NIGHTLY ? 40 : 2

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
  timeout: NIGHTLY ? 1_800_000 : 400_000,
}, async () => {
  // A second run of this test in the same process starts with empty stores.
  runs += 1
  const database = `kills${process.pid}_${runs}`
  const list = `${database}:list`
  await using stage = await Stage.open(kafka.brokers, 'stores', {
    config: { sinks: { redis: { main: { url: redis.url } }, mongo: { main: { uri: mongo.uri, database } } } },
  })
  const env = { REDIS_LIST: list, MONGO_COLLECTION: 'all' }
  const look = new Redis(redis.url, { protocol: 2 })
  const client = new MongoClient(mongo.uri)
  onTestFinished(async () => {
    look.disconnect()
    await client.db(database).dropDatabase()
    await client.close()
  })
  await stage.produce(jobs(MESSAGES, { ms: 2 }))
  let seen = 0
  const more = async (records: number): Promise<boolean> =>
    (await look.llen(list)) >= Math.min(seen + records, MESSAGES - 400)
  for (let kill = 0; kill < KILLS; kill += 1) {
    const worker = await stage.ready({ env })
    await stage.until('results arrive', 120_000, () => more(300))
    await worker.kill()
    seen = await look.llen(list)
  }
  const first = await stage.ready({ env })
  await stage.until('results arrive', 120_000, () => more(200))
  first.signal('SIGSTOP')
  await stage.ready({ env })
  await stage.until(
    'the other one works',
    120_000,
    async () => (await look.llen(list)) >= MESSAGES - 100 || (await more(400)),
  )
  first.signal('SIGCONT')
  await stage.allCommitted(120_000)
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
