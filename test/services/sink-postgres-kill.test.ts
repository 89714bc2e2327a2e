import { afterAll, beforeAll, expect, test } from 'vitest'
import { EACH_ONCE, eachOnce } from './chaos/each-once.ts'
import { jobIds, jobs } from './chaos/jobs.ts'
import { Stage } from './chaos/stage.ts'
import { anyKafka } from './kafka.ts'
import { anyPostgres } from './postgres.ts'
import { countOf, postgresSchema, rowsOf } from './postgres-sink-kit.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
const MESSAGES = NIGHTLY ? 50_000 : 2000
const KILLS = NIGHTLY ? 60 : 3

let kafka: Awaited<ReturnType<typeof anyKafka>>
let postgres: Awaited<ReturnType<typeof anyPostgres>>
beforeAll(async () => {
  ;[kafka, postgres] = await Promise.all([anyKafka(), anyPostgres()])
}, 300_000)
afterAll(async () => {
  await Promise.all([kafka?.stop(), postgres?.stop()])
})

test('workers are killed under load, and one wakes up after its partitions moved: the table holds each result once', {
  timeout: NIGHTLY ? 1_800_000 : 400_000,
}, async () => {
  // No key: what was written twice would be there twice.
  const { look, dsn } = await postgresSchema(
    postgres.dsn,
    'CREATE TABLE results (id text, partition int, "offset" bigint, bytes int, sum text)',
  )
  await using stage = await Stage.open(kafka.brokers, 'postgres', {
    config: { sinks: { postgres: { main: { dsn, table: 'results' } } } },
  })
  const env = { RESULT_KINDS: 'postgres' }
  await stage.produce(jobs(MESSAGES, { ms: 2 }))
  let seen = 0
  const more = async (records: number): Promise<boolean> =>
    (await countOf(look, 'results')) >= Math.min(seen + records, MESSAGES - 400)
  for (let kill = 0; kill < KILLS; kill += 1) {
    const worker = await stage.ready({ env })
    await stage.until('results arrive', 120_000, () => more(200))
    await worker.kill()
    seen = await countOf(look, 'results')
  }
  const first = await stage.ready({ env })
  await stage.until('results arrive', 120_000, () => more(200))
  first.signal('SIGSTOP')
  await stage.ready({ env })
  await stage.until(
    'the other one works',
    120_000,
    async () => (await countOf(look, 'results')) >= MESSAGES - 100 || (await more(400)),
  )
  first.signal('SIGCONT')
  await stage.allCommitted(120_000)
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
