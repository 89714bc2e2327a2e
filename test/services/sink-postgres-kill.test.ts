import { afterAll, beforeAll, expect, test } from 'vitest'
import { EACH_ONCE, eachOnce } from './chaos/each-once.ts'
import { jobIds } from './chaos/jobs.ts'
import { killUnderLoad } from './chaos/kills.ts'
import { Stage } from './chaos/stage.ts'
import { anyKafka } from './kafka.ts'
import { anyPostgres } from './postgres.ts'
import { countOf, postgresSchema, rowsOf } from './postgres-sink-kit.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
const MESSAGES = NIGHTLY ? 100_000 : 2000
const KILLS = NIGHTLY ? 200 : 3
const STATIC_AFTER = NIGHTLY ? 20 : 2
const REST_MS = NIGHTLY ? 900_000 : 120_000

let kafka: Awaited<ReturnType<typeof anyKafka>>
let postgres: Awaited<ReturnType<typeof anyPostgres>>
beforeAll(async () => {
  ;[kafka, postgres] = await Promise.all([anyKafka(), anyPostgres()])
}, 300_000)
afterAll(async () => {
  await Promise.all([kafka?.stop(), postgres?.stop()])
})

test('workers are killed under load, and one wakes up after its partitions moved: the table holds each result once', {
  timeout: NIGHTLY ? 5_400_000 : 400_000,
}, async () => {
  // No key: what was written twice would be there twice.
  const { look, dsn } = await postgresSchema(
    postgres.dsn,
    'CREATE TABLE results (id text, partition int, "offset" bigint, bytes int, sum text)',
  )
  await using stage = await Stage.open(kafka.brokers, 'postgres', {
    config: { sinks: { postgres: { main: { dsn, table: 'results' } } } },
  })
  await killUnderLoad(stage, {
    messages: MESSAGES,
    kills: KILLS,
    portion: 200,
    staticAfter: STATIC_AFTER,
    env: { RESULT_KINDS: 'postgres' },
    written: () => countOf(look, 'results'),
    restMs: REST_MS,
  })
  const rows = await rowsOf<{ id: string }>(look, 'SELECT id FROM results')
  expect(
    eachOnce(
      rows.map(({ id }) => id),
      jobIds(MESSAGES),
    ),
  ).toEqual(EACH_ONCE)
  expect(await stage.records('dlq')).toEqual([])
  // The test means something only where records did come again.
  const again = stage.runs().length - MESSAGES
  process.stdout.write(`postgres: ${KILLS} kills, ${again} runs again\n`)
  expect(again).toBeGreaterThan(0)
})
