// Several workers in one group.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { idsOf, jobs } from './chaos/jobs.ts'
import { runsById } from './chaos/run-log.ts'
import { Stage, type StageOptions } from './chaos/stage.ts'
import { anyKafka } from './kafka.ts'

let kafka: Awaited<ReturnType<typeof anyKafka>>
beforeAll(async () => {
  kafka = await anyKafka()
}, 90_000)
afterAll(() => kafka?.stop())
const open = (name: string, options?: StageOptions): Promise<Stage> => Stage.open(kafka.brokers, name, options)

test('a second worker that joins at full load takes its share, and nothing runs twice', async () => {
  await using stage = await open('join', { partitions: 8 })
  await stage.produce(jobs(3_000, { ms: 15 }))
  const first = await stage.ready()
  await stage.until('it is at full load', 30_000, () => stage.runs().length > 300)
  const second = await stage.ready()
  await stage.allCommitted()
  const runs = stage.runs()
  expect([...runsById(runs).values()].filter((of) => of.length > 1)).toEqual([])
  const share = runs.filter(({ worker }) => worker === second.pid).length
  expect(share).toBeGreaterThan(300)
  expect(idsOf(await stage.records('out'))).toEqual(idsOf(await stage.records('in')))

  for (const worker of [first, second]) {
    worker.signal('SIGTERM')
    expect(await worker.ended).toMatchObject({ status: 0 })
  }
})

test('two workers of one name share the work like any two', async () => {
  await using stage = await open('namesakes')
  const [one, two] = [await stage.ready({ workerId: 'twin' }), await stage.ready({ workerId: 'twin' })]
  await stage.until('both have partitions', 20_000, async () => {
    const owned = await Promise.all([one, two].map((worker) => worker.metric('drakkar_assigned_partitions')))
    return owned.every((count) => count === 2)
  })
  await stage.produce(jobs(200, { ms: 5 }))
  await stage.allCommitted()
  expect(new Set(stage.runs().map(({ worker }) => worker))).toEqual(new Set([one.pid, two.pid]))
  expect(stage.runs()).toHaveLength(200)
})

test('the older of two workers with one group_instance_id ends, and the newer goes on', async () => {
  await using stage = await open('static', { config: { sources: { kafka: { group_instance_id: 'one' } } } })
  await stage.produce(jobs(50))
  const older = await stage.ready()
  await stage.allCommitted()
  const newer = await stage.start()
  const began = Date.now()
  await stage.until('the older one has ended', 30_000, () => !older.alive)
  const { status, at } = await older.ended
  expect(status).toBe(72)
  // Starting takes the newer one a second or two; then it counts.
  const joined = newer.says('partitions_assigned')?.['timestamp'] ?? newer.says('drakkar_starting')?.['timestamp']
  expect(at - Math.max(began, Date.parse(String(joined)))).toBeLessThan(10_000)
  await stage.produce(jobs(50, {}, 50))
  await stage.allCommitted()
  expect(newer.alive).toBe(true)
  expect(idsOf(await stage.records('out'))).toEqual(idsOf(await stage.records('in')))
})
