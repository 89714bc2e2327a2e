import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Collector } from '../support/collector.ts'
import { EACH_ONCE, eachOnce } from './chaos/each-once.ts'
import { jobIds, jobs } from './chaos/jobs.ts'
import { Stage } from './chaos/stage.ts'
import { type KafkaBroker, startKafka } from './kafka.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
const MESSAGES = NIGHTLY ? 30_000 : 3_000
const KILLS = NIGHTLY ? 100 : 6

let kafka: KafkaBroker
beforeAll(async () => {
  kafka = await startKafka()
}, 90_000)
afterAll(() => kafka?.stop())

test('an HTTP service that honours keys, and files by partition, hold each result once after workers were killed', {
  timeout: NIGHTLY ? 3_000_000 : 400_000,
}, async () => {
  await using stage = await Stage.open(kafka.brokers, 'crash', { partitions: 4 })
  await using collector = await Collector.start()
  const start = (): ReturnType<Stage['start']> =>
    stage.start({
      env: { RESULT_KINDS: 'http,files' },
      config: {
        sinks: {
          http: { service: { url: `${collector.url}/in` } },
          filesystem: {
            files: { base_path: join(stage.folder, 'results'), path: 'of-{partition}.jsonl', fsync: false },
          },
        },
      },
    })
  await stage.produce(jobs(MESSAGES, { ms: 2 }))
  await Promise.all([start(), start()])
  const done = (): number => new Set(stage.runs().flatMap(({ id, ended }) => (ended === null ? [] : [id]))).size
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const enough = (kill * MESSAGES) / (KILLS + 1)
    await stage.until(`${Math.floor(enough)} tasks have run`, 120_000, () => done() >= enough)
    const alive = stage.workers.filter((worker) => worker.alive)
    await alive[kill % alive.length]?.kill()
    await start()
  }
  await stage.allCommitted(90_000)
  for (const worker of stage.workers.filter(({ alive }) => alive)) {
    worker.signal('SIGTERM')
    expect((await worker.ended).status).toBe(0)
  }
  const { kept, repeats } = await collector.received()
  const bodies = Object.values(kept).map(({ body }) => (JSON.parse(body) as { id: string }).id)
  expect(eachOnce(bodies, jobIds(MESSAGES))).toEqual(EACH_ONCE)
  const { lines, torn } = stage.files()
  expect(torn).toBe(0)
  const inFiles = lines.map((line) => (line as unknown as { id: string }).id)
  expect(eachOnce(inFiles, jobIds(MESSAGES))).toEqual(EACH_ONCE)
  // The test means something only where records did come again.
  const again = stage.runs().length - MESSAGES
  process.stdout.write(`crash: ${KILLS} kills, ${again} runs again, ${repeats} requests with a known key\n`)
  expect(again).toBeGreaterThan(0)
})
