import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { confluentDriver, type TransactionalProducer } from '../../src/flow/source/index.ts'
import { EACH_ONCE, eachOnce } from './chaos/each-once.ts'
import { readLog } from './chaos/log-reader.ts'
import { Stage } from './chaos/stage.ts'
import { alterTopic } from './chaos/topic-settings.ts'
import { type KafkaBroker, startKafka } from './kafka.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'

let kafka: KafkaBroker
beforeAll(async () => {
  // A transaction that nobody ends is looked for every 10 s otherwise.
  kafka = await startKafka({ 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1000 })
}, 90_000)
afterAll(() => kafka?.stop())

interface Job {
  readonly id: string
  readonly ms: number
  readonly parts?: number
  readonly pair?: boolean
  readonly exit?: number
}

/** Of ten: four plain, three with several results, two that share one, one that dies. */
function job(n: number): Job {
  const id = `j${n}`
  const ms = 2 + (n % 5)
  if (n % 10 < 4) return { id, ms }
  if (n % 10 < 7) return { id, ms, parts: 2 + (n % 3) }
  if (n % 10 < 9) return { id, ms, pair: true }
  return { id, ms, exit: 1 }
}

/** What readers must find: each part of each job once, and each dead job's letter once. */
function expected(jobs: readonly Job[]): { results: string[]; letters: string[] } {
  return {
    results: jobs
      .filter(({ exit }) => !exit)
      .flatMap(({ id, parts = 1 }) => Array.from({ length: parts }, (_, part) => `${id}/${part}`)),
    letters: jobs.filter(({ exit }) => exit).map(({ id }) => id),
  }
}

async function found(stage: Stage): Promise<{ results: string[]; letters: string[]; undecided: boolean }> {
  const out = await readLog(stage.brokers, stage.topics.out, stage.partitions, 'read_committed')
  const dlq = await readLog(stage.brokers, stage.topics.dlq, 1, 'read_committed')
  const results = out.values.flatMap((value) => {
    const { ids, part } = JSON.parse(String(value)) as { ids: string[]; part: number }
    return ids.map((id) => `${id}/${part}`)
  })
  const letters = dlq.values.map((value) => (JSON.parse(String(value)) as Job).id)
  return { results, letters, undecided: out.undecided || dlq.undecided }
}

const CONFIG = {
  kafka: { client_config: { 'transaction.timeout.ms': 8000 } },
  sources: { kafka: { max_poll_records: 50 } },
  executor: { max_retries: 0, window_size: 20 },
}

const open = (name: string, config: object = {}): Promise<Stage> =>
  Stage.open(kafka.brokers, name, {
    partitions: 6,
    handler: 'transactional.ts',
    config: { ...CONFIG, ...config },
  })

const transactional = (stage: Stage): { config: { sinks: object } } => ({
  config: { sinks: { kafka: { out: { topic: stage.topics.out, transactional: true } } } },
})

test('a read_committed reader finds each result and each dead letter once, whatever becomes of workers and broker', {
  timeout: NIGHTLY ? 3_000_000 : 240_000,
}, async () => {
  const messages = NIGHTLY ? 60_000 : 6000
  const rounds = NIGHTLY ? 20 : 1
  await using stage = await open('exactly')
  const jobs = Array.from({ length: messages }, (_, n) => job(n))
  await stage.produce(jobs.map((value) => ({ value })))
  const start = (workerId?: string) =>
    stage.ready({ ...transactional(stage), ...(workerId === undefined ? {} : { workerId }) })
  let workers = await Promise.all([start('a'), start('b'), start('c')])
  const runs = (): number => stage.runs().length
  const more = async (count: number): Promise<void> => {
    const goal = Math.min(runs() + count, messages)
    await stage.until('more runs', 120_000, () => runs() >= goal)
  }
  const share = Math.floor(messages / rounds / 12)
  for (let round = 0; round < rounds; round += 1) {
    await more(share)
    await workers[0]?.kill()
    await more(share)
    // It comes back under its name, and another one joins.
    const [back, fourth] = await Promise.all([start('a'), start(`d${round}`)])
    await more(share)
    await workers[1]?.kill()
    workers[2]?.signal('SIGSTOP')
    await more(share)
    await stage.until('its partitions have moved', 60_000, () => elapsed(stage))
    workers[2]?.signal('SIGCONT')
    await kafka.restart()
    await more(share)
    back?.signal('SIGTERM')
    await back?.ended
    const again = await start('b')
    workers = [fourth, again, workers[2] ?? again]
  }
  await stage.allCommitted(120_000)
  let last = await found(stage)
  await stage.until('every transaction is decided', 60_000, async () => {
    last = await found(stage)
    return !last.undecided
  })
  const { results, letters } = expected(jobs)
  expect(eachOnce(last.results, results)).toEqual(EACH_ONCE)
  expect(eachOnce(last.letters, letters)).toEqual(EACH_ONCE)
})

const frozenAt = new WeakMap<Stage, number>()
/** Longer than the session time-out of 6 s. */
function elapsed(stage: Stage): boolean {
  const since = frozenAt.get(stage)
  if (since === undefined) {
    frozenAt.set(stage, Date.now())
    return false
  }
  if (Date.now() - since < 8000) return false
  frozenAt.delete(stage)
  return true
}

test('a producer that takes the transactional id breaks transactions for a moment, and nothing runs again for it', {
  timeout: 120_000,
}, async () => {
  await using stage = await open('thief')
  const jobs = Array.from({ length: 600 }, (_, n) => job(n))
  const worker = await stage.ready({ ...transactional(stage), workerId: 'same' })
  await stage.produce(jobs.map((value) => ({ value })))
  await stage.until('some have run', 60_000, () => stage.runs().length > 100)
  const thief = thiefOf(stage, 'same')
  await thief.connect()
  await stage.until('a transaction is aborted', 60_000, () => worker.says('transaction_aborted'))
  await thief.close()
  await stage.allCommitted()
  const last = await found(stage)
  const { results, letters } = expected(jobs)
  expect(eachOnce(last.results, results)).toEqual(EACH_ONCE)
  expect(eachOnce(last.letters, letters)).toEqual(EACH_ONCE)
  const parts = jobs.reduce((sum, { parts: count = 1, pair }) => sum + (pair ? 0 : count), 0)
  expect(stage.runs().filter(({ id }) => !pairs(jobs, id)).length).toBe(parts)
})

test('of a source topic that is written in transactions nothing seems left once its records are done', {
  timeout: 120_000,
}, async () => {
  await using stage = await open('chain')
  const writer = thiefOf(stage, 'writer')
  await writer.connect()
  await writer.begin()
  const records = Array.from({ length: 20 }, (_, n) => ({
    topic: stage.topics.in,
    partition: n % stage.partitions,
    key: null,
    value: Buffer.from(JSON.stringify({ id: `j${n}`, ms: 1 })),
    headers: [],
  }))
  expect(await writer.sendAll(records)).toEqual(records.map(() => null))
  await writer.commit()
  await writer.close()
  const worker = await stage.ready({ ...transactional(stage), workerId: 'reader' })
  await stage.until('all have results', 60_000, async () => (await found(stage)).results.length === records.length)
  const lags = async (): Promise<readonly number[]> => (await worker.samples('drakkar_consumer_lag')) ?? []
  await stage.until('no lag is left', 20_000, async () => {
    const known = await lags()
    return known.length === stage.partitions && known.every((lag) => lag === 0)
  })
})

test('results that their topic does not take: a letter goes into a file, a result holds its partition and no other', {
  timeout: 120_000,
}, async () => {
  const limit = { 'max.message.bytes': '6000' }
  await using stage = await Stage.open(kafka.brokers, 'refused', {
    partitions: 3,
    handler: 'transactional.ts',
    topics: { out: limit, dlq: limit },
    config: CONFIG,
  })
  const letters = join(stage.folder, 'letters')
  const jobs: (Job & { bytes?: number; note?: string })[] = [
    ...Array.from({ length: 90 }, (_, n) => ({ id: `j${n}`, ms: 1 })),
    // The message comes back in its letter.
    { id: 'long', ms: 1, exit: 1, note: randomBytes(5000).toString('hex') },
  ]
  // Compressed it would fit.
  const { config } = transactional(stage)
  const out = { ...(config.sinks as { kafka: { out: object } }).kafka.out, compression: 'none' }
  const worker = await stage.ready({ config: { sinks: { kafka: { out } }, dlq: { oversize_dir: letters } } })
  await stage.produce(jobs.map((value, n) => ({ value, partition: n % 3 })))
  await stage.allCommitted()
  await stage.produce([
    { value: { id: 'big', ms: 1, bytes: 8000 }, partition: 1 },
    ...Array.from({ length: 30 }, (_, n) => ({ value: { id: `k${n}`, ms: 1 }, partition: n % 3 })),
  ])
  await stage.until('the result is found out', 60_000, () =>
    worker.lines.some((line) => line['event'] === 'output_refused' && line['to'] === null),
  )
  const ids = [...Array.from({ length: 90 }, (_, n) => `j${n}/0`), ...Array.from({ length: 30 }, (_, n) => `k${n}/0`)]
  let last = await found(stage)
  await stage.until('all others are there', 60_000, async () => {
    last = await found(stage)
    return last.results.length >= ids.length
  })
  expect(eachOnce(last.results, ids)).toEqual(EACH_ONCE)
  expect(last.letters).toEqual([])
  expect(worker.lines.filter((line) => line['event'] === 'output_refused').map((line) => line['to'])).toContain(
    join(letters, stage.topics.in, '0-30.json'),
  )
  expect(await worker.notReady()).toMatchObject([
    expect.stringMatching(/held: transaction: .* does not take .*max\.message\.bytes/),
  ])
  await alterTopic(stage.brokers, stage.topics.out, { 'max.message.bytes': '20000' })
  await stage.allCommitted()
  last = await found(stage)
  expect(eachOnce(last.results, [...ids, 'big/0'])).toEqual(EACH_ONCE)
  expect(stage.runs().filter(({ id }) => id === 'big').length).toBe(1)
})

test('what an aborted transaction wrote is there for read_uncommitted readers only', { timeout: 60_000 }, async () => {
  await using stage = await open('aborted')
  const producer = thiefOf(stage, 'x')
  await producer.connect()
  const record = (value: string) => ({ topic: stage.topics.out, key: null, value: Buffer.from(value), headers: [] })
  for (const [value, end] of [
    ['first', 'commit'],
    ['aborted', 'abort'],
    ['last', 'commit'],
  ] as const) {
    await producer.begin()
    expect(await producer.sendAll([record(value)])).toEqual([null])
    await producer[end]()
  }
  await producer.close()
  const read = async (isolation: 'read_committed' | 'read_uncommitted'): Promise<string[]> => {
    const { values } = await readLog(stage.brokers, stage.topics.out, stage.partitions, isolation)
    return values.map(String).sort()
  }
  expect(await read('read_uncommitted')).toEqual(['aborted', 'first', 'last'])
  expect(await read('read_committed')).toEqual(['first', 'last'])
})

function thiefOf(stage: Stage, workerId: string): TransactionalProducer {
  const options = { transactionalId: `drakkar-${stage.name}-${workerId}`, compression: 'none' }
  const made = confluentDriver().transactional?.({ 'bootstrap.servers': stage.brokers }, options)
  if (made === undefined) throw new Error('the driver has no transactions')
  return made
}

function pairs(jobs: readonly Job[], ids: string): boolean {
  return ids.split('+').some((id) => jobs.find((each) => each.id === id)?.pair === true)
}
