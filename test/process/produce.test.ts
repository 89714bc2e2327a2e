import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { confluentDriver } from '../../src/flow/source/index.ts'
import { type EmbeddedBroker, embeddedBroker } from '../../src/testing/embedded-broker/index.ts'
import { readTopic } from '../support/read-topic.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

let broker: EmbeddedBroker
let folder: string

beforeAll(async () => {
  broker = await embeddedBroker()
  folder = await mkdtemp(join(tmpdir(), 'drakkar-produce-'))
})

afterAll(async () => {
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
})

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(args: readonly string[], stdin: 'pipe' | number = 'pipe') {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
  const child = spawn(process.execPath, ['--conditions=drakkar-src', MAIN, 'produce', ...args], {
    stdio: [stdin, 'pipe', 'pipe'],
    env,
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk))
  const ended = once(child, 'close').then(
    ([code]): Ended => ({
      code: code as number | null,
      stdout: Buffer.concat(out).toString(),
      stderr: Buffer.concat(err).toString(),
    }),
  )
  return { child, ended, stderr: () => Buffer.concat(err).toString() }
}

async function produce(input: string | Buffer, args: readonly string[]): Promise<Ended> {
  const { child, ended } = start(args)
  child.stdin?.end(input)
  return ended
}

test.concurrent('every line is in the topic, byte for byte, with its key', async () => {
  await broker.ensureTopic('lines')
  const lines = Array.from({ length: 3_000 }, (_, n) => ` { "n" : ${n}, "user": {"id":"u${n % 7}"} }`)
  const { code, stdout, stderr } = await produce(`${lines.join('\n')}\n`, [
    '-b',
    broker.brokers,
    '-t',
    'lines',
    '--key',
    'user.id',
  ])
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '3,000 records acknowledged in lines\n', stderr: '' })
  const records = await readTopic(confluentDriver(), broker.brokers, 'lines')
  expect(records.map(({ value }) => String(value)).sort()).toEqual(lines.sort())
  for (const { key, value } of records) expect(value?.toString()).toContain(`"id":"${key?.toString()}"`)
})

test.concurrent('bad lines are named with their number, the others are sent, and the status is 2', async () => {
  await broker.ensureTopic('mixed')
  const input = '{"id":1}\n{"id":\n\n{"other":2}\n{"id":3}'
  const args = ['-b', broker.brokers, '-t', 'mixed', '--key', 'id']
  const first = await produce(input, args)
  expect(first).toMatchObject({ code: 2, stdout: '2 records acknowledged in mixed; 2 bad lines not sent\n' })
  expect(first.stderr).toMatch(
    /^drakkar: line 2: it is not JSON: .*\ndrakkar: line 4: it has no field id for the key\n$/,
  )
  const second = await produce(input, [...args, '--skip-bad'])
  expect(second).toMatchObject({ code: 0, stdout: first.stdout, stderr: first.stderr })
  const records = await readTopic(confluentDriver(), broker.brokers, 'mixed')
  expect(records.map(({ key, value }) => `${key?.toString()} ${value?.toString()}`).sort()).toEqual([
    '1 {"id":1}',
    '1 {"id":1}',
    '3 {"id":3}',
    '3 {"id":3}',
  ])
})

test.concurrent('with --raw any text goes out, blank lines too', async () => {
  await broker.ensureTopic('raw')
  const { code, stdout } = await produce(Buffer.from('no json\n\n\xff\x00', 'latin1'), [
    '-b',
    broker.brokers,
    '-t',
    'raw',
    '--raw',
  ])
  expect({ code, stdout }).toEqual({ code: 0, stdout: '3 records acknowledged in raw\n' })
  const records = await readTopic(confluentDriver(), broker.brokers, 'raw')
  expect(records.map(({ value }) => value?.toString('latin1') ?? 'null').sort()).toEqual(['', 'no json', '\xff\x00'])
})

test.concurrent('brokers and topic can come from a configuration, and stdin can be a file', async () => {
  await broker.ensureTopic('configured')
  const config = join(folder, 'drakkar.yaml')
  const input = join(folder, 'input.jsonl')
  await writeFile(config, `kafka: { brokers: "${broker.brokers}" }\nsources: { kafka: { topic: [configured] } }\n`)
  await writeFile(input, '"one"\n"two"\n')
  await using file = await open(input)
  const { code, stdout } = await start(['-c', config], file.fd).ended
  expect({ code, stdout }).toEqual({ code: 0, stdout: '2 records acknowledged in configured\n' })
})

test.concurrent('an interrupt ends the reading, waits for the answers, and says what was sent', async () => {
  await broker.ensureTopic('interrupted')
  const { child, ended } = start(['-b', broker.brokers, '-t', 'interrupted', '--rate', '2'])
  // The end of the input never comes: only the signal ends it.
  child.stdin?.write('1\n2\n3\n4\n5\n6\n7\n8\n9\n'.repeat(100))
  const driver = confluentDriver()
  await readTopic(driver, broker.brokers, 'interrupted', 1)
  child.kill('SIGINT')
  const { code, stdout } = await ended
  const sent = Number(/^(\d+) records? acknowledged in interrupted; interrupted/.exec(stdout)?.[1])
  expect({ code, stdout }).toMatchObject({ code: 130 })
  expect(await readTopic(driver, broker.brokers, 'interrupted')).toHaveLength(sent)
})

test.concurrent.each([
  [['-t', 'nowhere'], 3, 'topic nowhere does not exist', 'kafka-topics.sh'],
  [[], 2, 'which topic? None was given', 'Usage: drakkar produce'],
  [['-t', 'lines', '--rate', 'fast'], 2, '--rate fast', '--rate 500'],
  [['-t', 'lines', '--raw', '--key', 'id'], 2, '--key needs JSON lines', 'Leave one of them out'],
  [['-t', 'lines', '--topics', 'x'], 2, "Unknown option '--topics'", ''],
])('%j ends with status %i: %s', async (args, status, says, advises) => {
  const { code, stdout, stderr } = await produce('1\n', ['-b', broker.brokers, ...args])
  expect({ code, stdout }).toEqual({ code: status, stdout: '' })
  expect(stderr).toContain(says)
  expect(stderr).toContain(advises)
})

test.concurrent('brokers that do not answer are named', async () => {
  const { code, stderr } = await produce('1\n', ['-b', '127.0.0.1:1', '-t', 'lines'])
  expect(code).toBe(3)
  expect(stderr).toContain('127.0.0.1:1')
})

test.concurrent('--help says how', async () => {
  const { code, stdout } = await produce('', ['--help'])
  expect(code).toBe(0)
  expect(stdout).toContain('Usage: drakkar produce')
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})
