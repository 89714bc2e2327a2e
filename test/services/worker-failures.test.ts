// What goes wrong around a worker, one thing at a time: each message keeps its end, and nothing is committed before it.
import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { idsOf, jobs } from './chaos/jobs.ts'
import { sumOf } from './chaos/program.ts'
import type { Stored } from './chaos/reader.ts'
import { Stage, type StageOptions } from './chaos/stage.ts'
import { alterTopic } from './chaos/topic-settings.ts'
import type { WorkerProcess } from './chaos/worker.ts'
import { anyKafka } from './kafka.ts'

let kafka: Awaited<ReturnType<typeof anyKafka>>
beforeAll(async () => {
  kafka = await anyKafka()
}, 90_000)
afterAll(() => kafka?.stop())
const open = (name: string, options?: StageOptions): Promise<Stage> => Stage.open(kafka.brokers, name, options)

const header = (record: Stored, name: string): string | undefined =>
  record.headers.findLast(([key]) => key === `drakkar-dl-${name}`)?.[1]?.toString()
const total = (offsets: readonly (number | null)[]): number => offsets.reduce<number>((sum, at) => sum + (at ?? 0), 0)
/** Waits until the worker says that it is not ready, and that `reason` is why. */
const notReady = (stage: Stage, worker: WorkerProcess, reason: string): Promise<readonly string[]> =>
  stage.until(`the worker is not ready: ${reason}`, 40_000, async () => {
    const reasons = await worker.notReady()
    return reasons?.some((one) => one.includes(reason)) ? reasons : null
  })
const ready = (stage: Stage, worker: WorkerProcess): Promise<boolean> =>
  stage.until('the worker is ready again', 30_000, async () => (await worker.notReady())?.length === 0)

/** Refuses every record, whatever it holds. */
const REFUSES = { 'max.message.bytes': '80' }
const TAKES = { 'max.message.bytes': '1000000' }

test('messages that cannot be read are dead-lettered byte for byte, and the others go on', async () => {
  await using stage = await open('unreadable', { partitions: 1 })
  const bad = [
    { key: Buffer.from([0, 255, 10, 254]), value: Buffer.from('{"id": "half') },
    { key: Buffer.alloc(0), value: Buffer.alloc(0) },
    { key: null, value: Buffer.from([0xff, 0xfe, 0, 1]) },
    { key: Buffer.from('tombstone'), value: null },
  ]
  const headers = [
    ['trace', Buffer.from([1, 0, 255])],
    ['trace', Buffer.from('the same name again')],
    ['leer', Buffer.alloc(0)],
    ['ünïcode', Buffer.from('ü')],
  ] as const
  await stage.produce([...jobs(10), ...bad.map((record) => ({ ...record, headers })), ...jobs(10, {}, 10)])
  await stage.ready()
  await stage.allCommitted()

  const source = (await stage.records('in')).slice(10, 14)
  const letters = [...(await stage.records('dlq'))].sort(
    (a, b) => Number(header(a, 'offset')) - Number(header(b, 'offset')),
  )
  const own = (record: Stored): unknown => ({
    key: record.key,
    value: record.value,
    headers: record.headers.filter(([name]) => !name.startsWith('drakkar-dl-')),
  })
  expect(letters.map(own)).toEqual(bad.map((record) => ({ ...record, headers })))
  expect(letters.map(own)).toEqual(source.map(own))
  expect(letters.map((letter) => header(letter, 'stage'))).toEqual(['parse', 'parse', 'parse', 'arrange'])
  expect(letters.map((letter) => header(letter, 'offset'))).toEqual(['10', '11', '12', '13'])
  expect(idsOf(await stage.records('out'))).toEqual(
    jobs(20)
      .map(({ value }) => (value as { id: string }).id)
      .sort(),
  )
})

test('a missing program holds everything until it is there, and nothing is dead-lettered', async () => {
  await using stage = await open('binary')
  const path = join(stage.folder, 'later')
  await stage.produce(jobs(40))
  const worker = await stage.ready({ config: { executor: { binary_path: path } } })
  expect((await notReady(stage, worker, 'binary')).join('\n')).toContain(path)
  expect(total(await stage.committed())).toBe(0)

  copyFileSync(stage.program, path)
  await stage.allCommitted()
  await ready(stage, worker)
  expect(idsOf(await stage.records('out'))).toEqual(idsOf(await stage.records('in')))
  expect(await stage.records('dlq')).toEqual([])
})

test('a message that arrange cannot take is dead-lettered alone', async () => {
  await using stage = await open('arrange', { partitions: 1 })
  await stage.produce([...jobs(10), { value: { id: 'poison', poison: true } }, ...jobs(10, {}, 10)])
  await stage.ready()
  await stage.allCommitted()
  const letters = await stage.records('dlq')
  expect(idsOf(letters)).toEqual(['poison'])
  expect(header(letters[0] as Stored, 'stage')).toBe('arrange')
  expect(header(letters[0] as Stored, 'reason')).toContain('cannot arrange poison')
  expect(idsOf(await stage.records('out'))).toHaveLength(20)
})

test('an arrange that takes nothing holds its partition, and a mended handler finds all that was left', async () => {
  const config = { executor: { window_size: 5, max_retries: 0 } }
  await using stage = await open('arrange-all', { partitions: 1, config })
  await stage.produce(jobs(60, { poison: true }))
  const broken = await stage.ready()
  await notReady(stage, broken, 'arrange')
  broken.signal('SIGTERM')
  await broken.ended
  const buried = idsOf(await stage.records('dlq'))
  expect(buried.length).toBeLessThan(30)

  const mended = await stage.ready({ env: { POISON: 'eaten' } })
  await stage.allCommitted()
  await ready(stage, mended)
  const ends = [...idsOf(await stage.records('out')), ...idsOf(await stage.records('dlq'))].sort()
  expect(ends).toEqual(idsOf(await stage.records('in')))
})

test('a sink that refuses everything costs no more than a few dead letters, and the work goes on when it takes again', async () => {
  await using stage = await open('refusing', { topics: { out: REFUSES } })
  await stage.produce(jobs(80))
  const worker = await stage.ready()
  expect((await notReady(stage, worker, 'kafka:out')).join('\n')).toMatch(/large/i)
  // Four: the fifth refusal in a row holds the partitions.
  expect((await stage.records('dlq')).length).toBeLessThanOrEqual(4)
  expect(total(await stage.committed())).toBeLessThanOrEqual(4)

  await alterTopic(stage.brokers, stage.topics.out, TAKES)
  await stage.allCommitted()
  await ready(stage, worker)
  const buried = idsOf(await stage.records('dlq'))
  expect(buried.length).toBeLessThanOrEqual(4)
  expect([...buried, ...idsOf(await stage.records('out'))].sort()).toEqual(idsOf(await stage.records('in')))
})

test('where sink and dead-letter topic refuse together nothing is committed and nothing is lost', async () => {
  const config = { dlq: { oversize: 'hold' } }
  await using stage = await open('both', { config, topics: { out: REFUSES, dlq: REFUSES } })
  await stage.produce(jobs(80))
  const worker = await stage.ready()
  await notReady(stage, worker, 'kafka:out')
  await notReady(stage, worker, 'dead-letter')
  expect(total(await stage.committed())).toBe(0)
  expect(await stage.records('dlq')).toEqual([])

  await alterTopic(stage.brokers, stage.topics.dlq, TAKES)
  await alterTopic(stage.brokers, stage.topics.out, TAKES)
  await stage.allCommitted()
  await ready(stage, worker)
  const ends = [...idsOf(await stage.records('out')), ...idsOf(await stage.records('dlq'))].sort()
  expect(ends).toEqual(idsOf(await stage.records('in')))
})

test('what retention took is counted and said, and the rest is done', async () => {
  await using stage = await open('retention', { partitions: 1 })
  await stage.produce(jobs(20))
  const first = await stage.ready()
  await stage.allCommitted()
  first.signal('SIGTERM')
  await first.ended
  await stage.produce(jobs(100, {}, 20))
  await stage.admin.deleteRecords({ topic: stage.topics.in, partition: 0 }, 70)

  const second = await stage.ready()
  await stage.allCommitted()
  expect(second.says('offsets_expired')).toMatchObject({ level: 'error', from: 20, to: 70, count: 50 })
  expect(await second.metric('drakkar_offsets_expired_total')).toBe(50)
  const kept = [...jobs(20), ...jobs(50, {}, 70)].map(({ value }) => (value as { id: string }).id).sort()
  expect(idsOf(await stage.records('out'))).toEqual(kept)
})

test('a topic that is made anew is read from its beginning, also while the worker runs', async () => {
  await using stage = await open('recreated', { partitions: 1 })
  await stage.produce(jobs(20))
  const worker = await stage.ready()
  await stage.allCommitted()
  await stage.admin.deleteTopic(stage.topics.in)
  await stage.until('the topic can be made again', 30_000, () =>
    stage.admin.createTopic(stage.topics.in, 1).then(
      () => true,
      () => false,
    ),
  )
  await stage.produce(jobs(10, {}, 100))
  await stage.until('the new messages have results', 60_000, () => stage.runs().length === 30)
  await stage.allCommitted()
  expect(worker.alive).toBe(true)
  expect(idsOf(await stage.records('out'))).toEqual(
    [...jobs(20), ...jobs(10, {}, 100)].map(({ value }) => (value as { id: string }).id).sort(),
  )
})

test('a message of ten megabytes is worked on; one that cannot be read becomes a file where its topic takes no such letter', async () => {
  await using stage = await open('big', { partitions: 1, topics: { in: { 'max.message.bytes': '12000000' } } })
  const big = Buffer.from(JSON.stringify({ id: 'big', text: 'x'.repeat(10_000_000 - 22) }))
  // Random: a batch of it does not shrink below its topic's limit.
  const unreadable = randomBytes(10_000_000)
  expect(big).toHaveLength(10_000_000)
  await stage.produce([...jobs(3), { value: big }, { key: Buffer.from([1, 2]), value: unreadable }, ...jobs(3, {}, 3)])
  await stage.ready()
  await stage.allCommitted()
  const results = await stage.records('out')
  expect(idsOf(results)).toEqual(['big', 'j0', 'j1', 'j2', 'j3', 'j4', 'j5'])
  const result = results.find(({ value }) => String(value).includes('"big"'))
  expect(JSON.parse(String(result?.value))).toMatchObject({ bytes: big.length, sum: sumOf(big) })

  expect((await stage.records('dlq')).length).toBe(0)
  const folder = join(stage.folder, 'dead-letters', stage.topics.in)
  const files = readdirSync(folder)
  expect(files).toEqual(['0-4.json'])
  const letter = JSON.parse(readFileSync(join(folder, String(files[0])), 'utf8')) as Record<string, string>
  expect(Buffer.from(String(letter['value']), 'base64').equals(unreadable)).toBe(true)
  expect(Buffer.from(String(letter['key']), 'base64')).toEqual(Buffer.from([1, 2]))
})

test.each(['in', 'out', 'dlq'] as const)(
  'a worker does not start without its %s topic, and says which it is',
  async (kind) => {
    await using stage = await open('missing', { without: [kind] })
    const worker = await stage.start()
    const { status } = await worker.ended
    expect(status).toBe(3)
    expect(worker.says('start_failed')).toMatchObject({ code: 'TOPIC_MISSING' })
    expect(String(worker.says('start_failed')?.['error'])).toContain(stage.topics[kind])
    expect(existsSync(join(stage.folder, 'runs.log'))).toBe(false)
  },
)
