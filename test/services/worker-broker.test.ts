// The broker comes late, goes away, and comes back. It is this file's own.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { idsOf, jobs } from './chaos/jobs.ts'
import { Stage } from './chaos/stage.ts'
import { type KafkaBroker, startKafka } from './kafka.ts'

const AWAY_MS = process.env['DRAKKAR_NIGHTLY'] === '1' ? 60_000 : 8_000

let kafka: KafkaBroker
beforeAll(async () => {
  kafka = await startKafka()
}, 90_000)
afterAll(() => kafka?.stop())

test('a worker that finds no broker says so and ends', async () => {
  await using stage = await Stage.open(kafka.brokers, 'absent')
  const worker = await stage.start({ config: { kafka: { brokers: '127.0.0.1:9' } } })
  const { status } = await worker.ended
  expect(status).toBe(3)
  expect(worker.says('start_failed')).toMatchObject({ code: 'BROKER_UNREACHABLE' })
  expect(String(worker.says('start_failed')?.['error'])).toContain('127.0.0.1:9')
})

test('a worker outlives its broker: it waits, goes on when it is back, and loses nothing', {
  timeout: 300_000,
}, async () => {
  await using stage = await Stage.open(kafka.brokers, 'away')
  await stage.produce(jobs(2_000, { ms: 10 }))
  const worker = await stage.ready()
  await stage.until('it works', 30_000, () => stage.runs().length > 400)
  process.kill(kafka.pid, 'SIGKILL')
  const gone = Date.now()
  await stage.until('the broker was away long enough', AWAY_MS + 5_000, () => Date.now() - gone > AWAY_MS)
  expect(worker.alive).toBe(true)
  await kafka.restart()
  const runs = stage.runs().length
  await stage.until('it works again', 30_000, () => stage.runs().length > runs)
  await stage.allCommitted(120_000)
  expect(new Set(idsOf(await stage.records('out')))).toEqual(new Set(idsOf(await stage.records('in'))))
  expect(await stage.records('dlq')).toEqual([])
  await stage.until('it is ready', 30_000, async () => (await worker.notReady())?.length === 0)
  worker.signal('SIGTERM')
  expect(await worker.ended).toMatchObject({ status: 0 })
})

test('a worker that is stopped while its broker is away ends in time, and its successor does what is left', {
  timeout: 300_000,
}, async () => {
  await using stage = await Stage.open(kafka.brokers, 'stop-away', {
    config: { executor: { drain_on_stop_seconds: 5 } },
  })
  await stage.produce(jobs(1_000, { ms: 10 }))
  const worker = await stage.ready()
  await stage.until('it works', 30_000, () => stage.runs().length > 200)
  process.kill(kafka.pid, 'SIGKILL')
  worker.signal('SIGTERM')
  await stage.until('it has stopped', 90_000, () => worker.says('drakkar_stopped'))
  // Threads of the client that still wait for the broker do not keep the process.
  await stage.until('it has ended', 15_000, () => !worker.alive)
  expect(await worker.ended).toMatchObject({ status: 73 })
  expect(worker.says('start_failed')).toBe(undefined)
  await kafka.restart()
  await stage.ready()
  await stage.allCommitted()
  expect(new Set(idsOf(await stage.records('out')))).toEqual(new Set(idsOf(await stage.records('in'))))
})
