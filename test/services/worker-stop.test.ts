// How workers end, and what runs again after each way.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { idsOf, jobs } from './chaos/jobs.ts'
import { runsById } from './chaos/run-log.ts'
import { COMMIT_EVERY, COMMIT_INTERVAL_MS, Stage, type StageOptions } from './chaos/stage.ts'
import { anyKafka } from './kafka.ts'

let kafka: Awaited<ReturnType<typeof anyKafka>>
beforeAll(async () => {
  kafka = await anyKafka()
}, 90_000)
afterAll(() => kafka?.stop())
const open = (name: string, options?: StageOptions): Promise<Stage> => Stage.open(kafka.brokers, name, options)

const again = (stage: Stage): readonly string[] =>
  [...runsById(stage.runs())].filter(([, runs]) => runs.length > 1).map(([id]) => id)

test('a worker that is stopped at half of its work leaves nothing to do twice', async () => {
  await using stage = await open('stop')
  await stage.produce(jobs(600, { ms: 20 }))
  const first = await stage.ready()
  await stage.until('a third is done', 30_000, () => stage.runs().length > 200)
  first.signal('SIGTERM')
  expect(await first.ended).toMatchObject({ status: 0 })
  expect(stage.runs().length).toBeLessThan(600)
  expect(stage.runs().filter(({ ended }) => ended === null)).toEqual([])

  const second = await stage.ready()
  await stage.allCommitted()
  second.signal('SIGTERM')
  expect(await second.ended).toMatchObject({ status: 0 })
  expect(again(stage)).toEqual([])
  expect(idsOf(await stage.records('out'))).toEqual(idsOf(await stage.records('in')))
})

test('a second signal ends a drain at once, and the work that it cuts off is done by the next worker', async () => {
  await using stage = await open('force', { partitions: 1 })
  await stage.produce([{ value: { id: 'slow', ms: -1 } }, ...jobs(5)])
  const worker = await stage.ready()
  await stage.until('only the slow one runs', 20_000, () => {
    const runs = stage.runs()
    return runs.length === 6 && runs.filter(({ ended }) => ended === null).length === 1
  })
  worker.signal('SIGTERM')
  await stage.until('the worker drains', 5_000, () => worker.says('drakkar_shutting_down'))
  const began = Date.now()
  worker.signal('SIGTERM')
  const { status, at } = await worker.ended
  expect(status).toBe(143)
  expect(at - began).toBeLessThan(5_000)
  const slow = stage.runs().find(({ id }) => id === 'slow')
  await stage.until('its program is gone', 5_000, () => !isAlive(slow?.pid))
  expect(await stage.committed()).toEqual([0])

  stage.letGo()
  await stage.ready()
  await stage.allCommitted()
  expect(again(stage)).toEqual(['slow'])
  expect(idsOf(await stage.records('out'))).toEqual(idsOf(await stage.records('in')))
})

test('a signal while the worker starts ends it, at the latest when its attempt to connect does', async () => {
  await using stage = await open('early')
  const worker = await stage.start({ config: { kafka: { brokers: '127.0.0.1:9' } } })
  await stage.until('it says that it starts', 20_000, () => worker.says('drakkar_starting'))
  const began = Date.now()
  worker.signal('SIGTERM')
  const { status, at } = await worker.ended
  expect(status).toBe(0)
  // The client cannot break off an attempt, which takes ten seconds.
  expect(at - began).toBeLessThan(13_000)
})

test('what finished above a slow task does not run again after SIGKILL', async () => {
  await using stage = await open('metadata', { partitions: 1, config: { executor: { max_executors: 4 } } })
  await stage.produce([{ value: { id: 'slow', ms: -1 } }, ...jobs(400, { ms: 10 })])
  const first = await stage.ready({ config: { executor: { backpressure_high_multiplier: 200 } } })
  await stage.until('all others have finished', 20_000, () => {
    const runs = stage.runs()
    return runs.length === 401 && runs.filter(({ ended }) => ended === null).length === 1
  })
  // Older than any commit may wait: whatever finished is in the metadata by then.
  const last = Math.max(...stage.runs().map(({ ended }) => ended ?? 0))
  const waited = COMMIT_INTERVAL_MS + 1_000
  await stage.until('the last commit is old enough', 5_000, () => Date.now() > last + waited)
  await first.kill()
  expect(stage.runs().filter(({ ended }) => ended === null)).toHaveLength(1)
  expect(await stage.committed()).toEqual([0])

  stage.letGo()
  await stage.ready()
  await stage.allCommitted()
  expect(again(stage)).toEqual(['slow'])
  expect(idsOf(await stage.records('out'))).toEqual(idsOf(await stage.records('in')))
})

test('after SIGKILL at full speed only what was open or not committed yet runs again', async () => {
  await using stage = await open('kill', { config: { executor: { max_executors: 8 } } })
  await stage.produce(jobs(1_500, { ms: 5 }))
  const first = await stage.ready()
  await stage.until('a third is done', 30_000, () => stage.runs().length > 500)
  await first.kill()
  const open_ = stage.runs().filter(({ ended }) => ended === null).length
  // Ended but not committed: what a commit waits for, what comes while one is under way, and what is on its way to the sink.
  const killedAt = first.killedAt as number
  const recent = stage
    .runs()
    .filter(({ ended }) => ended !== null && ended > killedAt - COMMIT_INTERVAL_MS - 1_000).length
  const bound = open_ + Math.max(recent, 2 * COMMIT_EVERY)

  const second = await stage.ready()
  await stage.allCommitted()
  second.signal('SIGTERM')
  expect(await second.ended).toMatchObject({ status: 0 })
  expect(open_).toBeLessThanOrEqual(8)
  expect(again(stage).length).toBeLessThanOrEqual(bound)
  expect(new Set(idsOf(await stage.records('out'))).size).toBe(1_500)
})

function isAlive(pid: number | undefined): boolean {
  try {
    process.kill(pid ?? -1, 0)
    return true
  } catch {
    return false
  }
}
