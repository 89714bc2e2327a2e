import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Collector } from '../support/collector.ts'
import { EACH_ONCE, eachOnce } from './chaos/each-once.ts'
import { jobIds, jobs } from './chaos/jobs.ts'
import { Stage } from './chaos/stage.ts'
import { type KafkaBroker, startKafka } from './kafka.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
const MESSAGES = NIGHTLY ? 100_000 : 3_000
const KILLS = NIGHTLY ? 200 : 6
/** From then on a worker has the partitions of the one before it at once: as in `killUnderLoad`. */
const STATIC_AFTER = NIGHTLY ? 40 : 4
const REST_MS = NIGHTLY ? 300_000 : 90_000

let kafka: KafkaBroker
beforeAll(async () => {
  kafka = await startKafka()
}, 90_000)
afterAll(() => kafka?.stop())

test('an HTTP service that honours keys, and files by partition, hold each result once after workers were killed', {
  timeout: NIGHTLY ? 5_400_000 : 400_000,
}, async () => {
  await using stage = await Stage.open(kafka.brokers, 'crash', { partitions: 4 })
  await using collector = await Collector.start()
  const start = (member?: string): ReturnType<Stage['start']> =>
    stage.start({
      env: { RESULT_KINDS: 'http,files' },
      config: {
        sources: { kafka: member === undefined ? {} : { group_instance_id: member } },
        sinks: {
          http: { service: { url: `${collector.url}/in` } },
          filesystem: {
            files: { base_path: join(stage.folder, 'results'), path: 'of-{partition}.jsonl', fsync: false },
          },
        },
      },
    })
  await stage.produce(jobs(MESSAGES, { ms: 2 }))
  const two = await Promise.all([start(), start()])
  const offsets = await stage.offsets()
  const done = async (): Promise<number> =>
    (await offsets.committed(stage.topics.in, stage.partitions)).reduce<number>((sum, offset) => sum + (offset ?? 0), 0)
  for (let kill = 0; kill < KILLS; kill += 1) {
    const enough = ((kill + 1) * MESSAGES) / (KILLS + 1)
    await stage.until(`${Math.floor(enough)} messages are committed`, 120_000, async () => (await done()) >= enough)
    const place = kill % 2
    await two[place]?.kill()
    two[place] = await start(kill < STATIC_AFTER ? undefined : `place${place}`)
  }
  await stage.allCommitted(REST_MS)
  const alive = stage.workers.filter((worker) => worker.alive)
  // One that has just been started would die of the signal as any process does.
  await stage.until('both are up', 60_000, () => alive.every((worker) => worker.says('drakkar_ready')))
  for (const worker of alive) {
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
