// The Redis sink through the delivery of a worker, beside the plainest good script: the same driver, pipelines of as many
// commands, and one command at a time. The server is a process of its own.
// `node --conditions=drakkar-src bench/sinks/redis.ts`
import { Redis } from 'ioredis'
import { createRedisSink, type RedisSinkOptions, redisLink, type Sink } from '../../src/flow/sinks/index.ts'
import { startRedis } from '../../test/services/redis.ts'
import { type Figures, measured, print, throughDelivery } from './delivered.ts'

const COUNT = Number(process.env['BENCH_RECORDS'] ?? 100_000)
/** Records of a batch, the script's and the sink's. */
const PIPELINE = 256
const value = 'x'.repeat(100)
const key = (n: number): string => `k${n % 10_000}`

await using server = await startRedis()
const url = `redis://127.0.0.1:${server.port}`

function sink(options: Partial<RedisSinkOptions> = {}): Sink {
  const link = redisLink({ name: 'out', url, connectTimeoutMs: 5000, commandTimeoutMs: 10_000 })
  return createRedisSink({ name: 'out', link, scope: 'bench', ...options })
}

type Command = (n: number) => readonly [string, ...string[]]
const set: Command = (n) => ['set', key(n), value]
const add: Command = (n) => ['incrby', `n${n % 10_000}`, '1']

async function script(what: string, count: number, size: number, command: Command): Promise<Figures> {
  const client = new Redis(url, { protocol: 2 })
  await client.flushall()
  const { perSecond, cpuUs } = await measured(what, count / size, 1, async (n) => {
    const pipeline = client.pipeline(Array.from({ length: size }, (_, at) => [...command(n * size + at)]))
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  })
  client.disconnect()
  return { what, perSecond: perSecond * size, cpuUs: cpuUs / size }
}

/** The plainest good script that counts each record once: a marker and the command, in one script for each record. */
async function guardedScript(what: string, count: number): Promise<Figures> {
  const client = new Redis(url, { protocol: 2 })
  await client.flushall()
  const once =
    "if redis.call('SET', KEYS[1], '1', 'PX', ARGV[1], 'NX') then redis.call('INCRBY', KEYS[2], 1) end return 1"
  const sha = String(await client.script('LOAD', once))
  const { perSecond, cpuUs } = await measured(what, count / PIPELINE, 1, async (n) => {
    const records = Array.from({ length: PIPELINE }, (_, at) => n * PIPELINE + at)
    const calls = records.map((at) => ['evalsha', sha, '2', `done:${at}`, `n${at % 10_000}`, '86400000'])
    for (const [error] of (await client.pipeline(calls).exec()) ?? []) if (error !== null) throw error
  })
  client.disconnect()
  return { what, perSecond: perSecond * PIPELINE, cpuUs: cpuUs / PIPELINE }
}

async function ours(what: string, made: Sink, payload: (n: number) => object): Promise<Figures> {
  const client = new Redis(url, { protocol: 2 })
  await client.flushall()
  client.disconnect()
  return throughDelivery(what, made, { maxRecords: PIPELINE, inFlight: 1 }, COUNT, (n) => ({
    redis: [payload(n) as never],
  }))
}

const setting = (n: number): object => ({ key: key(n), data: value })
const adding = (n: number): object => ({ op: 'incrby', key: `n${n % 10_000}` })
const off = { markers: false, fences: false }

for (const what of ['once before, so that everything is compiled', 'measured']) {
  process.stdout.write(`${what}\n`)
  print([
    await script(`script, SET in pipelines of ${PIPELINE}`, COUNT, PIPELINE, set),
    await ours('sink, set, fencing', sink(), setting),
    await ours('sink, set, no guards', sink(off), setting),
    await script('script, SET, one at a time', COUNT / 10, 1, set),
  ])
  print([
    await script(`script, INCRBY in pipelines of ${PIPELINE}`, COUNT, PIPELINE, add),
    await ours('sink, incrby, no guards', sink(off), adding),
    await script('script, INCRBY, one at a time', COUNT / 10, 1, add),
  ])
  print([
    await guardedScript(`script, marker and INCRBY in pipelines of ${PIPELINE}`, COUNT),
    await ours('sink, incrby, markers and fencing', sink(), adding),
  ])
}
