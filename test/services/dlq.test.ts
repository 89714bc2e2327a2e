import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TopicReader } from '../../src/cli/commands/dlq/topic-reader.ts'
import { deadLetterRecord } from '../../src/flow/ends/index.ts'
import { confluentDriver, type KafkaProducer } from '../../src/flow/source/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import type { Header, RawMessage } from '../../src/model/index.ts'
import { readTopic } from '../support/read-topic.ts'
import { type KafkaBroker, startKafka } from './kafka.ts'
import { type KafkaAdmin, kafkaAdmin } from './kafka-admin.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
const driver = confluentDriver()
/** Letters that a crash may send again; see src/cli/commands/dlq/redrive.ts. */
const BATCH = 100

let kafka: KafkaBroker
let admin: KafkaAdmin
let producer: KafkaProducer
let folder: string

beforeAll(async () => {
  kafka = await startKafka()
  admin = kafkaAdmin(kafka.brokers)
  producer = driver.producer({ 'bootstrap.servers': kafka.brokers }, { lingerMs: 5, compression: 'lz4' })
  await producer.connect()
  folder = await mkdtemp(join(tmpdir(), 'drakkar-dlq-'))
}, 120_000)

afterAll(async () => {
  await producer.close()
  admin.close()
  await kafka.stop()
  await rm(folder, { recursive: true })
})

/** A source topic with a dead-letter topic of its own. */
async function topics(): Promise<{ readonly source: string; readonly letters: string }> {
  const source = `jobs-${Math.random().toString(36).slice(2, 10)}`
  await admin.createTopic(source, 3)
  await admin.createTopic(`${source}_dlq`, 3)
  return { source, letters: `${source}_dlq` }
}

async function bury(messages: readonly RawMessage[], stage: 'task' | 'parse' = 'task'): Promise<void> {
  const sends = messages.map((message) => {
    const assignment = { topic: message.topic, partition: message.partition, epoch: 1, owner: 1 }
    const letter = { assignment, message, deaths: [{ stage, reason: `it was number ${message.offset}` }] }
    return producer.send(deadLetterRecord(letter, { topic: `${message.topic}_dlq`, worker: 'w', at: Date.now() }))
  })
  await Promise.all(sends)
}

const message = (topic: string, offset: number, more: Partial<RawMessage> = {}): RawMessage => ({
  topic,
  partition: offset % 3,
  offset,
  key: Buffer.from(`k${offset}`),
  value: Buffer.from(JSON.stringify({ n: offset })),
  timestamp: 1,
  headers: [],
  ...more,
})

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, ['--conditions=drakkar-src', MAIN, 'dlq', ...args, '-b', kafka.brokers], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
  })
  const texts = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    texts.stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    texts.stderr += chunk.toString()
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...texts }))
  return { child, ended }
}

const dlq = (...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  start(...args).ended

const read = (topic: string, atLeast: number): Promise<readonly RawMessage[]> =>
  readTopic(driver, kafka.brokers, topic, atLeast, {
    sessionTimeoutMs: 10_000,
    heartbeatIntervalMs: 1_000,
    maxPollIntervalMs: 60_000,
  })

/** A record as one text, to compare sets of them; the client writes null headers as empty ones. */
function shown({ key, value, headers }: Pick<RawMessage, 'key' | 'value' | 'headers'>): string {
  const hex = (bytes: Buffer | null): string => bytes?.toString('hex') ?? 'null'
  return JSON.stringify([
    hex(key),
    hex(value),
    headers.map(([name, bytes]) => [name, bytes === null ? '' : hex(bytes)]),
  ])
}

test('a topic that is written in transactions ends with its last letter: nobody waits for the marks behind it', {
  timeout: 60_000,
}, async () => {
  const { source, letters } = await topics()
  const client = { 'bootstrap.servers': kafka.brokers }
  const writer = driver.transactional?.(client, { transactionalId: letters, compression: 'none' })
  await writer?.connect()
  await writer?.begin()
  const assignment = { topic: source, partition: 0, epoch: 1, owner: 1 }
  const records = [0, 1, 2, 3].map((offset) => {
    const letter = { assignment, message: message(source, offset), deaths: [{ stage: 'task' as const, reason: 'no' }] }
    return deadLetterRecord(letter, { topic: letters, worker: 'w', at: 0 })
  })
  expect(await writer?.sendAll(records)).toEqual([null, null, null, null])
  await writer?.commit()
  await writer?.close()
  // No time goes by for it, so it does not end because nothing more came for long.
  const clock = { ...systemClock, monotonic: () => 0 }
  for (const [group, expected] of [
    ['first', 4],
    ['first', 0],
  ] as const) {
    const reader = new TopicReader({
      driver,
      client,
      topic: letters,
      group: `${letters}-${group}`,
      from: 'group',
      clock,
    })
    await reader.open()
    const seen: RawMessage[] = []
    for (;;) {
      const some = await reader.next(10, new AbortController().signal)
      if (some === null) break
      seen.push(...some)
      await reader.commit(new Map(some.map(({ partition, offset }) => [partition, offset + 1])))
    }
    await reader.close()
    expect(seen).toHaveLength(expected)
  }
})

test('any message comes back byte for byte: key, value, headers in order, and the count', async () => {
  const { source, letters } = await topics()
  const bytes = fc.option(
    fc.uint8Array({ maxLength: 30 }).map((part) => Buffer.from(part)),
    { nil: null },
  )
  const name = fc.oneof(
    fc.string({ minLength: 1, maxLength: 8 }).filter((text) => !text.includes('\0')),
    fc.constantFrom('a', 'drakkar-id', 'ø', '__proto__'),
  )
  const any = fc.record({ key: bytes, value: bytes, headers: fc.array(fc.tuple(name, bytes), { maxLength: 5 }) })
  const messages = fc
    .sample(any, { numRuns: 400, seed: 20_260_102 })
    .map((more, offset) => message(source, offset, more))
  await bury(messages)
  expect(await dlq('redrive', '-t', letters, '--yes')).toEqual({
    code: 0,
    stdout: '400 went back to their own topics\n',
    stderr: '',
  })
  const back = await read(source, 400)
  const count: Header = ['drakkar-redrive-count', Buffer.from('1')]
  const wanted = messages.map((one) => shown({ ...one, headers: [...one.headers, count] }))
  expect(back.map(shown).sort()).toEqual(wanted.sort())
  // Nothing is left: the same command goes on where it ended.
  expect((await dlq('redrive', '-t', letters, '--yes')).stdout).toBe('0 went back to their own topics\n')
})

test('a crash in the middle: the same command goes on, nothing is missing, at most one batch comes twice', async () => {
  const { source, letters } = await topics()
  const all = 2_000
  await bury(Array.from({ length: all }, (_, offset) => message(source, offset)))
  const first = start('redrive', '-t', letters, '--yes', '--rate', '600')
  const before = await read(source, 500)
  first.child.kill('SIGKILL')
  await first.ended
  expect(before.length).toBeLessThan(all)
  const second = await dlq('redrive', '-t', letters, '--yes')
  expect(second).toMatchObject({ code: 0, stderr: '' })
  const back = await read(source, all)
  expect(new Set(back.map(({ key }) => String(key))).size).toBe(all)
  expect(back.length - all).toBeLessThanOrEqual(BATCH)
  expect(Number(second.stdout.split(' ')[0]?.replace(',', ''))).toBeLessThan(all)
})

test('a signal ends it between batches; what is remembered is what was sent', async () => {
  const { source, letters } = await topics()
  await bury(Array.from({ length: 1_000 }, (_, offset) => message(source, offset)))
  const first = start('redrive', '-t', letters, '--yes', '--rate', '400')
  await read(source, 200)
  first.child.kill('SIGINT')
  const ended = await first.ended
  expect(ended).toMatchObject({
    code: 130,
    stdout: expect.stringMatching(/interrupted; the same command goes on/) as string,
  })
  expect((await dlq('redrive', '-t', letters, '--yes')).code).toBe(0)
  const back = await read(source, 1_000)
  expect(back).toHaveLength(1_000)
})

test('brokers that are away for a moment hold it up, no more', async () => {
  const { source, letters } = await topics()
  const all = 600
  await bury(Array.from({ length: all }, (_, offset) => message(source, offset)))
  const run = start('redrive', '-t', letters, '--yes', '--rate', '100')
  await read(source, 100)
  await kafka.restart()
  const ended = await run.ended
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  // What was sent and not yet remembered comes again, each time the group has lost its member: with the brokers, and
  // once more where their group has to be set up anew.
  const back = await read(source, all)
  expect(new Set(back.map(({ key }) => String(key))).size).toBe(all)
  expect(back.length - all).toBeLessThanOrEqual(BATCH * 3)
})

test('filters, limits, other topics and the loop guard', async () => {
  const { source, letters } = await topics()
  const other = `${source}-other`
  await admin.createTopic(other, 1)
  await bury(Array.from({ length: 20 }, (_, offset) => message(source, offset)))
  await bury(
    Array.from({ length: 5 }, (_, offset) => message(source, 100 + offset)),
    'parse',
  )
  await bury([message(source, 200, { headers: [['drakkar-redrive-count', Buffer.from('3')]] })])

  const dry = await dlq('redrive', '-t', letters, '--stage', 'parse')
  expect(dry).toMatchObject({ code: 0, stderr: '' })
  expect(dry.stdout).toMatch(
    /5 {2}━+ {2}parse\n[^]*5 would go to their own topics; 21 passed over by the filter\nNothing was sent: add --yes\./,
  )
  const limited = await dlq('redrive', '-t', letters, '--stage', 'parse', '--to', other, '--limit', '2', '--yes')
  expect(limited.stdout).toMatch(new RegExp(`^2 went back to ${other}`))
  expect((await dlq('redrive', '-t', letters, '--stage', 'parse', '--to', other, '--yes')).stdout).toMatch(
    /^3 went back/,
  )
  const there = await read(other, 5)
  expect(there.map(({ key }) => String(key)).sort()).toEqual(['k100', 'k101', 'k102', 'k103', 'k104'])
  expect((await dlq('redrive', '-t', letters, '--stage', 'task', '--yes')).stdout).toBe(
    '20 went back to their own topics; 5 passed over by the filter; 1 left: they were put back too often (--max-redrives)\n',
  )
  expect(await read(source, 20)).toHaveLength(20)
})

test('ls, show and stats find what is there, and what is not', async () => {
  const { source, letters } = await topics()
  expect(await dlq('ls', '-t', letters)).toEqual({ code: 0, stdout: 'no letters\n', stderr: '' })
  await bury(Array.from({ length: 300 }, (_, offset) => message(source, offset)))
  const list = await dlq('ls', '-t', letters)
  expect(list.stdout.trimEnd().split('\n')).toHaveLength(101)
  expect(list.stderr).toBe('the last 100 of 300 letters; --limit shows more\n')
  const [one] = (await dlq('ls', '-t', letters, '--where', 'n=17', '--jsonl')).stdout.trimEnd().split('\n')
  const { place, value } = JSON.parse(one ?? '') as { place: { partition: number; offset: number }; value: string }
  expect(value).toBe('{"n":17}')
  const name = `${place.partition}:${place.offset}`
  const letter = await dlq('show', '-t', letters, name)
  expect(letter.stdout).toContain(`${letters} partition ${place.partition} offset ${place.offset}\n`)
  expect(letter.stdout).toContain('reason     it was number 17\n')
  expect((await dlq('show', '-t', letters, name, '--raw')).stdout).toBe('{"n":17}')
  expect((await dlq('stats', '-t', letters)).stdout).toMatch(/^300 letters\n[^]*300 {2}━+ {2}it was number …\n/)
  expect(await dlq('show', '-t', letters, '0:99999')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no letter 0:99999/) as string,
  })
  expect(await dlq('ls', '-t', `${source}-none`)).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/does not exist/) as string,
  })
  expect((await dlq('ls', '-t', letters, '--stage', 'task', '--to', 'x')).code).toBe(2)
})
