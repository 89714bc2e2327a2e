// `drakkar doctor` beside real servers of every kind of sink.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Collector } from '../support/collector.ts'
import { anyKafka } from './kafka.ts'
import { kafkaAdmin } from './kafka-admin.ts'
import { startMongo } from './mongo.ts'
import { dsnOf, startPostgres } from './postgres.ts'
import { postgresClient, rowsOf } from './postgres-sink-kit.ts'
import { startRedis } from './redis.ts'
import { redisReader } from './redis-sink-kit.ts'
import type { ServerProcess } from './server-process.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const SECRET = 'hush-hush'
const TOPIC = `doctor-${process.pid}`

let kafka: Awaited<ReturnType<typeof anyKafka>>
let postgres: ServerProcess
let mongo: ServerProcess
let redis: ServerProcess
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drakkar-doctor-'))
  await mkdir(join(folder, 'results'))
  ;[kafka, postgres, mongo, redis] = await Promise.all([
    anyKafka(),
    startPostgres('fsync=on', 'synchronous_commit=on'),
    startMongo(true),
    startRedis('--requirepass', SECRET),
  ])
  const admin = kafkaAdmin(kafka.brokers)
  await admin.createTopic(TOPIC, 2)
  await admin.createTopic(`${TOPIC}_dlq`, 1)
  admin.close()
}, 300_000)
afterAll(async () => {
  await Promise.all([kafka, postgres, mongo, redis].map((server) => server?.stop()))
  await rm(folder, { recursive: true, force: true })
})

interface Report {
  readonly code: number
  readonly text: string
  readonly seconds: number
}

async function examined(sinks: object): Promise<Report> {
  const path = join(folder, 'drakkar.yaml')
  const config = {
    kafka: { brokers: kafka.brokers },
    sources: { kafka: { topic: TOPIC, consumer_group: TOPIC } },
    executor: { binary_path: '/bin/cat', max_executors: 1 },
    metrics: { host: '127.0.0.1', port: 0 },
    sinks,
  }
  // JSON is YAML.
  await writeFile(path, JSON.stringify(config))
  const words = ['--conditions=drakkar-src', join(ROOT, 'src', 'cli', 'main.ts'), 'doctor', '-c', path]
  const begun = performance.now()
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder }
    execFile(process.execPath, words, { cwd: folder, env }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : 0
      resolve({ code, text: `${stdout}\n${stderr}`, seconds: (performance.now() - begun) / 1000 })
    })
  })
}

/** A module of a sink whose `connect` does this. */
async function ownSink(name: string, connect: string): Promise<string> {
  const path = join(folder, `${name}.mts`)
  const methods = `accept: (data) => data, size: () => 1, connect: async () => { ${connect} }, deliver: async () => [], close: async () => {}`
  await writeFile(
    path,
    `import { defineSink } from '${ROOT}/src/index.ts'
     export default defineSink({ kind: '${name}', create: (name) => ({ kind: '${name}', name, ${methods} }) })`,
  )
  return path
}

test('every sink that a worker could start with has its line, and nothing is left behind', async () => {
  const look = await postgresClient(dsnOf(postgres.port))
  await look.query('CREATE TABLE results (id text)')
  await using collector = await Collector.start()
  const keys = await redisReader(`redis://:${SECRET}@127.0.0.1:${redis.port}`)
  const { code, text } = await examined({
    postgres: { rows: { dsn: dsnOf(postgres.port), table: 'results' } },
    mongo: { documents: { uri: `mongodb://user:pass@127.0.0.1:${mongo.port}/`, database: 'd' } },
    redis: { keys: { url: `redis://127.0.0.1:${redis.port}`, password: SECRET } },
    http: { service: { url: `http://user:${SECRET}@127.0.0.1:${collector.port}/in?token=${SECRET}` } },
    filesystem: { files: { base_path: join(folder, 'results') } },
    custom: { own: { mine: { module: await ownSink('own', '') } } },
  })
  expect(code, text).toBe(0)
  expect(text).not.toMatch(/^problem|hush/m)
  for (const line of [
    'sinks +files:files, http:service, mongo:documents, postgres:rows, redis:keys, custom:mine',
    `sinks +sinks\\.postgres\\.rows: PostgreSQL [\\d.]+ .*at 127\\.0\\.0\\.1:${postgres.port}/postgres, table results`,
    `sinks +sinks\\.mongo\\.documents: MongoDB at 127\\.0\\.0\\.1:${mongo.port}, database d`,
    `sinks +sinks\\.redis\\.keys: Redis \\(single\\) at 127\\.0\\.0\\.1:${redis.port} takes writes`,
    `sinks +sinks\\.http\\.service: http://127\\.0\\.0\\.1:${collector.port} can be reached`,
    'sinks +sinks\\.custom\\.own\\.mine: connect\\(\\) has worked',
    'folders +sinks\\.filesystem\\.files: ',
  ]) {
    expect(text).toMatch(new RegExp(`^ok +${line}`, 'm'))
  }
  expect(await rowsOf(look, "SELECT relname FROM pg_class WHERE relname LIKE 'drakkar%'")).toEqual([])
  expect(await keys.dbsize()).toBe(0)
  expect((await collector.received()).requests.filter(({ url }) => url !== '/received')).toEqual([])
  expect(await readdir(join(folder, 'results'))).toEqual([])
})

test('each sink that a worker could not start with is named with what to do, without its secrets', async () => {
  const look = await postgresClient(dsnOf(postgres.port))
  await look.query(`CREATE ROLE narrow LOGIN PASSWORD '${SECRET}'; CREATE TABLE there (id text)`)
  await look.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC; ALTER ROLE narrow SET synchronous_commit TO off')
  await using replica = await startRedis('--replicaof', '127.0.0.1', String(redis.port), '--masterauth', SECRET)
  const asNarrow = `postgres://narrow:${SECRET}@127.0.0.1:${postgres.port}/postgres`
  const { code, text, seconds } = await examined({
    postgres: {
      locked: { dsn: `postgres://narrow:${SECRET}-not@127.0.0.1:${postgres.port}/postgres` },
      tableless: { dsn: dsnOf(postgres.port), table: 'nowhere' },
      narrow: { dsn: asNarrow },
      hasty: { dsn: asNarrow, idempotency: 'none' },
    },
    mongo: {
      locked: { uri: `mongodb://user:${SECRET}-not@127.0.0.1:${mongo.port}/`, database: 'd' },
      new: {
        uri: `mongodb://user:pass@127.0.0.1:${mongo.port}/`,
        database: 'd',
        statements: { note: { collection: 'notes', op: 'insert', update: { a: 1 } } },
      },
    },
    redis: {
      locked: { url: `redis://:${SECRET}-not@127.0.0.1:${redis.port}` },
      replica: { url: `redis://127.0.0.1:${replica.port}` },
      absent: { url: 'redis://127.0.0.1:1' },
    },
    http: {
      absent: { url: `http://u:${SECRET}@127.0.0.1:1/` },
      later: { url: 'http://127.0.0.1:1/', check_at_start: false },
    },
    custom: { bad: { mine: { module: await ownSink('bad', `throw new Error('no way to https://u:${SECRET}@db')`) } } },
  })
  expect(code, text).toBe(3)
  expect(text).not.toContain('hush')
  expect(seconds).toBeLessThan(15)
  for (const [mark, line, advice] of [
    ['problem', 'sinks\\.postgres\\.locked: .*28P01', 'Set the role and its password'],
    ['problem', 'sinks\\.postgres\\.tableless\\.table: there is no table nowhere', 'Create it'],
    ['problem', 'sinks\\.postgres\\.narrow\\.idempotency: .*permission denied', 'Let the role create them'],
    ['warning', 'sinks\\.postgres\\.hasty: synchronous_commit of the server is off', 'A crash of the server can lose'],
    ['problem', 'sinks\\.mongo\\.locked\\.uri: .*[Aa]uth', 'Set user, password'],
    ['warning', 'sinks\\.mongo\\.new: statements\\.note: there is no collection notes', 'The first write makes it'],
    ['problem', 'sinks\\.redis\\.locked\\.url: .*WRONGPASS', 'Set username and password'],
    ['problem', 'sinks\\.redis\\.replica: .*READONLY', 'That server is a replica'],
    ['problem', 'sinks\\.redis\\.absent\\.url: .*ECONNREFUSED', 'Check that the server runs'],
    ['problem', 'sinks\\.http\\.absent\\.url: .*ECONNREFUSED', 'Correct the address'],
    ['warning', 'sinks\\.http\\.later\\.url: .*ECONNREFUSED', 'A worker starts without it'],
    ['problem', 'sinks\\.custom\\.bad\\.mine: no way to https://\\*\\*\\*@db', 'The error comes from the connect'],
  ]) {
    expect(text).toMatch(new RegExp(`^${mark} +sinks +${line}.*\\n +→ ${advice}`, 'm'))
  }
})

test('servers that take connections and say nothing are told within 15 s', async () => {
  const silent = createServer((socket) => {
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void silent.close())
  const { port } = silent.address() as { port: number }
  const { code, text, seconds } = await examined({
    postgres: { rows: { dsn: dsnOf(port), connect_timeout_seconds: 60 } },
    mongo: { documents: { uri: `mongodb://127.0.0.1:${port}/`, database: 'd', connect_timeout_seconds: 60 } },
    redis: { keys: { url: `redis://127.0.0.1:${port}`, connect_timeout_seconds: 60 } },
    http: { service: { url: `https://127.0.0.1:${port}/`, connect_timeout_seconds: 60 } },
    custom: {
      mute: { mine: { module: await ownSink('mute', 'await new Promise((done) => setTimeout(done, 60_000))') } },
    },
  })
  expect(code, text).toBe(3)
  expect(seconds).toBeLessThan(15)
  for (const place of ['postgres.rows', 'mongo.documents', 'redis.keys', 'http.service', 'custom.mute.mine']) {
    expect(text).toMatch(new RegExp(`^problem +sinks +sinks\\.${place.replaceAll('.', '\\.')}`, 'm'))
  }
})
