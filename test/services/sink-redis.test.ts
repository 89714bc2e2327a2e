import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  createRedisSink,
  type RecordVerdict,
  type RedisSinkOptions,
  type RedisTls,
  redisLink,
  type Sink,
  type SinkRecord,
} from '../../src/flow/sinks/index.ts'
import { sinkContract } from '../../src/testing/index.ts'
import { selfSigned } from './certificates.ts'
import { until } from './chaos/until.ts'
import { startProxy } from './proxy.ts'
import { anyRedis, startRedis, startRedisCluster, startRedisSentinels } from './redis.ts'
import { freePort } from './server-process.ts'

const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
const { signal } = new AbortController()
const PLACED = { ok: true }
const LONG = process.env['DRAKKAR_NIGHTLY'] === '1'
const RECORDS = LONG ? 100_000 : 10_000

let server: Awaited<ReturnType<typeof anyRedis>>
let prefixes = 0
beforeAll(async () => {
  server = await anyRedis()
})
afterAll(() => server.stop())

type Options = Partial<RedisSinkOptions> & {
  readonly url?: string
  readonly password?: string
  readonly tls?: RedisTls
  readonly commandTimeoutMs?: number
}

/** A sink with keys of its own; closed with the test. */
async function open(options: Options = {}): Promise<{ sink: Sink; prefix: string; look: Redis }> {
  prefixes += 1
  const prefix = options.keyPrefix ?? `t${process.pid}-${prefixes}:`
  const sink = makeSink({ ...options, keyPrefix: prefix })
  onTestFinished(() => sink.close())
  await sink.connect()
  return { sink, prefix, look: await reader(options.url ?? server.url) }
}

function makeSink({ url = server.url, password, commandTimeoutMs = 3000, tls = {}, ...options }: Options): Sink {
  const link = redisLink({
    name: 'main',
    url,
    connectTimeoutMs: 5000,
    commandTimeoutMs,
    tls,
    ...(password === undefined ? {} : { password }),
  })
  return createRedisSink({ name: 'main', link, scope: 'group', ...options })
}

/** Another client, to look at what is there. */
async function reader(url: string): Promise<Redis> {
  const { Redis: Client } = await import('ioredis')
  const client = new Client(url, { protocol: 2, lazyConnect: true })
  client.on('error', () => undefined)
  onTestFinished(() => client.disconnect())
  if (!url.startsWith('redis-')) await client.connect()
  return client
}

function record(sink: Sink, payload: unknown, id = `jobs:0:${++ids}:0/redis:main/0`, owner = 1): SinkRecord {
  return { id, payload: sink.accept(payload), assignment: { ...assignment, owner } }
}
let ids = 0

async function deliver(sink: Sink, ...payloads: readonly unknown[]): Promise<readonly string[]> {
  const verdicts = await sink.deliver(
    payloads.map((payload) => record(sink, payload)),
    signal,
  )
  return verdicts.map((verdict) => (verdict.ok ? 'ok' : `${verdict.kind}: ${verdict.error.message}`))
}

/** Delivers all, again and again what may pass, as the delivery does; a record refused for good fails the test. */
async function deliverAll(sink: Sink, records: readonly SinkRecord[], withinMs = 30_000): Promise<void> {
  for (let at = 0; at < records.length; at += 500) {
    let batch = records.slice(at, at + 500)
    await until(
      'a batch is taken',
      withinMs,
      async () => {
        const verdicts = await sink.deliver(batch, signal)
        expect(verdicts.filter((verdict) => !verdict.ok && verdict.kind === 'permanent')).toEqual([])
        batch = batch.filter((_, index) => verdicts[index]?.ok !== true)
        last = verdicts.find((verdict) => !verdict.ok)
        return batch.length === 0
      },
      () => `${batch.length} records are left: ${String(last?.ok === false && last.error.message)}`,
    )
  }
}
let last: RecordVerdict | undefined

sinkContract(test, 'redis sink', async () => {
  const { Redis: Client } = await import('ioredis')
  const client = new Client(server.url, { protocol: 2 })
  prefixes += 1
  const keyPrefix = `contract${process.pid}-${prefixes}:`
  await client.set(`${keyPrefix}taken`, 'text')
  return {
    sink: makeSink({ keyPrefix }),
    payload: (text) => ({ op: 'push', key: 'list', members: [Buffer.from(text)] }),
    spoil: (payload) => {
      ;(payload['members'] as Buffer[])[0]?.fill(0)
    },
    bad: [undefined, 'text', {}, { key: 'k' }, { op: 'no', key: 'k' }, { op: 'push', key: 'k', members: [Number.NaN] }],
    written: () => client.lrange(`${keyPrefix}list`, 0, -1),
    idempotent: true,
    refused: () => ({ op: 'push', key: 'taken', members: ['x'] }),
    cleanUp: async () => {
      client.disconnect()
    },
  }
})

describe('every op does what it says', () => {
  test('set, with a time to live, bytes, numbers and dates; delete and expire', async () => {
    const { sink, prefix, look } = await open()
    const bytes = Buffer.from([0, 255, 13, 10])
    const verdicts = await deliver(
      sink,
      { key: 'text', data: 'ø' },
      { key: 'bytes', data: bytes },
      { key: 'json', data: { a: [1, undefined], b: undefined } },
      { key: 'number', data: 1.5, ttl: 60 },
      { key: 'bigint', data: 2n ** 70n },
      { key: 'date', data: new Date(0) },
      { key: 'gone', data: 'x' },
      { op: 'delete', key: 'gone' },
      { key: 'short', data: 'x' },
      { op: 'expire', key: 'short', ttl: 0.5 },
    )
    expect(new Set(verdicts)).toEqual(new Set(['ok']))
    const values = await look.mget(['text', 'json', 'number', 'bigint', 'date', 'gone'].map((key) => prefix + key))
    expect(values).toEqual(['ø', '{"a":[1,null]}', '1.5', '1180591620717411303424', '1970-01-01T00:00:00.000Z', null])
    expect(await look.getBuffer(`${prefix}bytes`)).toEqual(bytes)
    expect(await look.pttl(`${prefix}number`)).toBeGreaterThan(50_000)
    expect(await look.pttl(`${prefix}short`)).toBeLessThanOrEqual(500)
  })

  test('hashes, sets, sorted sets, counters, lists and streams', async () => {
    const { sink, prefix, look } = await open()
    const verdicts = await deliver(
      sink,
      { op: 'hset', key: 'h', fields: { b: { x: 1 }, a: 'text', c: 'gone' }, ttl: 60 },
      { op: 'hdel', key: 'h', fields: ['c', 'never'] },
      { op: 'sadd', key: 's', members: ['a', 2, 'c'] },
      { op: 'srem', key: 's', members: ['c'] },
      { op: 'zadd', key: 'z', members: { low: Number.NEGATIVE_INFINITY, high: 2.5 } },
      { op: 'incrby', key: 'n' },
      { op: 'incrby', key: 'n', amount: 41n },
      { op: 'push', key: 'l', members: ['1', '2', '3', '4'] },
      { op: 'push', key: 'l', members: ['0'], side: 'left' },
      { op: 'trim', key: 'l', start: 1, stop: -2 },
      { op: 'xadd', key: 'x', fields: { job: 7 }, maxlen: 10 },
    )
    expect(new Set(verdicts)).toEqual(new Set(['ok']))
    expect(await look.hgetall(`${prefix}h`)).toEqual({ a: 'text', b: '{"x":1}' })
    expect(await look.pttl(`${prefix}h`)).toBeGreaterThan(50_000)
    expect((await look.smembers(`${prefix}s`)).sort()).toEqual(['2', 'a'])
    expect(await look.call('ZRANGE', `${prefix}z`, '0', '-1', 'WITHSCORES')).toEqual(['low', '-inf', 'high', '2.5'])
    expect(await look.get(`${prefix}n`)).toBe('42')
    expect(await look.lrange(`${prefix}l`, 0, -1)).toEqual(['1', '2', '3'])
    expect((await look.xrange(`${prefix}x`, '-', '+')).map(([, fields]) => fields)).toEqual([['job', '7']])
  })

  test('a hash larger than Lua can hand on at once is written whole', async () => {
    const { sink, prefix, look } = await open()
    const fields = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`f${index}`, String(index)]))
    expect(await deliver(sink, { op: 'hset', key: 'large', fields })).toEqual(['ok'])
    expect(await look.hlen(`${prefix}large`)).toBe(20_000)
  })

  test('publish reaches subscribers once, also when it comes again', async () => {
    const { sink, prefix, look } = await open()
    const heard: string[] = []
    await look.subscribe(`${prefix}news`)
    look.on('message', (_channel, text) => heard.push(text))
    const news = record(sink, { op: 'publish', channel: `${prefix}news`, data: 'first' })
    await sink.deliver([news], signal)
    await sink.deliver([news, record(sink, { op: 'publish', channel: `${prefix}news`, data: 'last' })], signal)
    await until('the last one is heard', 5000, () => heard.includes('last'))
    expect(heard).toEqual(['first', 'last'])
  })

  test('scripts of the configuration get keys with the prefix; their errors are of the record', async () => {
    const scripts = {
      sum: "return redis.call('INCRBY', KEYS[1], ARGV[1] + ARGV[2])",
      wrong: 'local x = nil; return x.y',
      says: "return redis.error_reply('ERR no, thank you')",
    }
    const { sink, prefix, look } = await open({ scripts })
    const again = record(sink, { op: 'script', script: 'sum', keys: ['total'], args: [1, 2] })
    expect(await sink.deliver([again], signal)).toEqual([PLACED])
    expect(await sink.deliver([again], signal)).toEqual([PLACED])
    expect(await look.get(`${prefix}total`)).toBe('3')
    const verdicts = await deliver(
      sink,
      { key: 'before', data: '1' },
      { op: 'script', script: 'wrong', keys: ['k'] },
      { op: 'script', script: 'says', keys: ['k'] },
      { key: 'after', data: '2' },
    )
    expect(verdicts.map((verdict) => verdict.split(':')[0])).toEqual(['ok', 'permanent', 'permanent', 'ok'])
    expect(verdicts[2]).toContain('no, thank you')
    expect(() => sink.accept({ op: 'script', script: 'none', keys: ['k'] })).toThrow(/sum, wrong, says/)
  })
})

describe('a batch', () => {
  test('a bad command fails alone, is named, and is not marked as done', async () => {
    const { sink, prefix, look } = await open()
    await look.set(`${prefix}text`, 'no number')
    const refused = record(sink, { op: 'incrby', key: 'text' })
    const verdicts = await sink.deliver(
      [
        record(sink, { key: 'a', data: '1' }),
        refused,
        record(sink, { op: 'hset', key: 'text', fields: { a: 1 } }),
        record(sink, { key: 'b', data: '2' }),
      ],
      signal,
    )
    expect(verdicts.map((verdict) => (verdict.ok ? 'ok' : verdict.kind))).toEqual([
      'ok',
      'permanent',
      'permanent',
      'ok',
    ])
    expect(verdicts[1]?.ok === false && verdicts[1].error.message).toMatch(
      /redis:main incrby .*text: ERR value is not an integer/,
    )
    expect(verdicts[2]?.ok === false && verdicts[2].error.message).toContain('WRONGTYPE')
    await look.set(`${prefix}text`, '5')
    expect(await sink.deliver([refused], signal)).toEqual([PLACED])
    expect(await look.get(`${prefix}text`)).toBe('6')
  })

  test(`${RECORDS} counters, every batch twice: each counts once`, async () => {
    const { sink, prefix, look } = await open()
    const records = Array.from({ length: RECORDS }, (_, index) =>
      record(sink, { op: 'incrby', key: `c${index % 100}` }),
    )
    await deliverAll(sink, records)
    await deliverAll(sink, records)
    const counts = await look.mget(Array.from({ length: 100 }, (_, index) => `${prefix}c${index}`))
    expect(new Set(counts)).toEqual(new Set([String(RECORDS / 100)]))
  })

  test('without markers a replay counts again, and leaves no marker', async () => {
    const { sink, prefix, look } = await open({ markers: false, fences: false })
    const one = record(sink, { op: 'incrby', key: 'n' })
    await sink.deliver([one], signal)
    await sink.deliver([one], signal)
    expect(await look.get(`${prefix}n`)).toBe('2')
    expect(await look.keys(`${prefix}*`)).toEqual([`${prefix}n`])
  })

  test('a marker ends with its time, and another application has markers of its own', async () => {
    const first = await open({ markerTtlMs: 60_000 })
    const other = await open({ keyPrefix: first.prefix, scope: 'other' })
    const one = record(first.sink, { op: 'incrby', key: 'n' })
    await first.sink.deliver([one], signal)
    await other.sink.deliver([one], signal)
    expect(await first.look.get(`${first.prefix}n`)).toBe('2')
    const [marker = ''] = await first.look.keys(`${first.prefix}drakkar:done:group:*`)
    const left = await first.look.pttl(marker)
    expect(left).toBeGreaterThan(50_000)
    expect(left).toBeLessThanOrEqual(60_000)
  })
})

describe('a former owner of a partition', () => {
  test('writes nothing any more, is told to wait, and others in its batch pass', async () => {
    const { sink, prefix, look } = await open({ scripts: { put: "redis.call('SET', KEYS[1], ARGV[1])" } })
    const at = (payload: unknown, owner: number, partition = 0): SinkRecord => ({
      ...record(sink, payload),
      assignment: { ...assignment, owner, partition },
    })
    await sink.deliver([at({ key: 'a', data: 'old' }, 4), at({ key: 'b', data: 'old' }, 4)], signal)
    await sink.deliver([at({ key: 'a', data: 'new' }, 5)], signal)
    const verdicts = await sink.deliver(
      [
        at({ key: 'a', data: 'late' }, 4),
        at({ op: 'incrby', key: 'n' }, 4),
        at({ op: 'script', script: 'put', keys: ['b'], args: ['late'] }, 4),
        at({ key: 'c', data: 'mine' }, 4, 1),
      ],
      signal,
    )
    expect(verdicts.map((verdict) => (verdict.ok ? 'ok' : verdict.kind))).toEqual([
      'transient',
      'transient',
      'transient',
      'ok',
    ])
    expect(verdicts[0]?.ok === false && verdicts[0].error.message).toMatch(
      /newer owner \(5\) of jobs:0.*this assignment is 4/,
    )
    expect(await look.mget(['a', 'b', 'c', 'n'].map((key) => prefix + key))).toEqual(['new', 'old', 'mine', null])
  })
})

describe('when something is wrong with the server', () => {
  test('a start without a server, with a wrong password or a wrong kind of URL says what to do and no password', async () => {
    await using locked = await startRedis('--requirepass', 'right-word')
    const url = `redis://:wrong-word@127.0.0.1:${locked.port}`
    const failure = await makeSink({ url })
      .connect()
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'SINK_UNAVAILABLE', advice: expect.stringContaining('password') })
    expect(String(failure)).toMatch(/WRONGPASS/)
    expect(String(failure)).not.toMatch(/wrong-word/)
    await makeSink({ url: `redis://127.0.0.1:${locked.port}`, password: 'right-word' }).connect()
    await expect(makeSink({ url: 'redis://127.0.0.1:1' }).connect()).rejects.toThrow(
      /127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED/,
    )
    await expect(
      makeSink({ url: `redis-cluster://:right-word@127.0.0.1:${locked.port}` }).connect(),
    ).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      advice: expect.stringContaining('redis://'),
    })
    expect(() => makeSink({ url: 'redis://:secret@a:1,b:2' })).toThrow(/several hosts/)
  })

  test('a server that is killed in the middle of a stream comes back: nothing is missing, nothing counts twice', async () => {
    await using own = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
    const { sink, look } = await open({ url: `redis://127.0.0.1:${own.port}`, keyPrefix: '' })
    const records = Array.from({ length: 2000 }, (_, index) =>
      record(sink, { op: 'push', key: 'all', members: [String(index)] }),
    )
    const running = deliverAll(sink, records, 60_000)
    await until('some are there', 10_000, async () => (await look.llen('all')) > 200)
    own.kill()
    await own.restart()
    await running
    const all = await look.lrange('all', 0, -1)
    expect(all).toHaveLength(2000)
    expect(new Set(all).size).toBe(2000)
  })

  test('a cut network, a reset, and a slow one: every verdict comes in time, and nothing counts twice', async () => {
    const port = Number(new URL(server.url).port)
    await using proxy = await startProxy(port)
    const { sink, prefix, look } = await open({ url: `redis://127.0.0.1:${proxy.port}`, commandTimeoutMs: 700 })
    const direct = await reader(server.url)
    const counter = (from: number): SinkRecord[] =>
      Array.from({ length: 50 }, (_, index) =>
        record(sink, { op: 'incrby', key: 'n' }, `jobs:0:${from + index}:0/redis:main/9${prefix}`),
      )
    proxy.cut()
    const started = performance.now()
    const cut = await sink.deliver(counter(0), signal)
    expect(performance.now() - started).toBeLessThan(5000)
    expect(new Set(cut.map((verdict) => (verdict.ok ? 'ok' : verdict.kind)))).toEqual(new Set(['transient']))
    proxy.heal()
    await deliverAll(sink, counter(0))
    const pending = sink.deliver(counter(50), signal)
    proxy.reset()
    await pending
    await deliverAll(sink, counter(50))
    proxy.delay(200)
    await deliverAll(sink, counter(100))
    expect(await direct.get(`${prefix}n`)).toBe('150')
    look.disconnect()
  })

  test('a frozen server, one that is loading or full, or has forgotten the scripts: later, and then once', async () => {
    await using own = await startRedis()
    const { sink, look } = await open({ url: `redis://127.0.0.1:${own.port}`, keyPrefix: '', commandTimeoutMs: 500 })
    const one = record(sink, { op: 'incrby', key: 'n' })
    own.freeze()
    const frozen = await sink.deliver([one], signal)
    expect(frozen).toMatchObject([{ ok: false, kind: 'transient' }])
    own.thaw()
    await deliverAll(sink, [one])
    await look.call('SCRIPT', 'FLUSH')
    await deliverAll(sink, [one, record(sink, { op: 'incrby', key: 'n' })])
    expect(await look.get('n')).toBe('2')
    await look.config('SET', 'maxmemory', '1')
    const full = record(sink, { op: 'push', key: 'l', members: ['x'] })
    expect(await sink.deliver([full], signal)).toMatchObject([
      { ok: false, kind: 'transient', error: { message: expect.stringContaining('OOM') } },
    ])
    await look.config('SET', 'maxmemory', '0')
    await deliverAll(sink, [full])
    expect(await look.lrange('l', 0, -1)).toEqual(['x'])
  })

  test('a replica refuses writes: later, not never', async () => {
    await using master = await startRedis()
    await using replica = await startRedis('--replicaof', '127.0.0.1', String(master.port))
    const { sink, look } = await open({ url: `redis://127.0.0.1:${replica.port}`, keyPrefix: '' })
    const one = record(sink, { key: 'a', data: 'x' })
    expect(await sink.deliver([one], signal)).toMatchObject([
      { ok: false, kind: 'transient', error: { message: expect.stringContaining('READONLY') } },
    ])
    await look.call('REPLICAOF', 'NO', 'ONE')
    await deliverAll(sink, [one])
    expect(await look.get('a')).toBe('x')
  })
})

test('TLS: an authority of its own is trusted where it is named, and refused where it is not', async () => {
  const files = await selfSigned()
  const port = await freePort()
  await using own = await startRedis(
    '--tls-port',
    String(port),
    '--tls-cert-file',
    files.cert,
    '--tls-key-file',
    files.key,
    '--tls-ca-cert-file',
    files.cert,
    '--tls-auth-clients',
    'no',
  )
  const url = `rediss://127.0.0.1:${port}`
  const sink = makeSink({ url, tls: { caFile: files.cert } })
  onTestFinished(() => sink.close())
  await sink.connect()
  expect(await deliver(sink, { key: 'a', data: 'sealed' })).toEqual(['ok'])
  const plain = await reader(`redis://127.0.0.1:${own.port}`)
  expect(await plain.get('a')).toBe('sealed')
  await expect(makeSink({ url }).connect()).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: expect.stringMatching(/certificate/),
    advice: expect.stringContaining('ca_file'),
  })
  await expect(makeSink({ url, tls: { caFile: files.cert, serverName: 'other.example' } }).connect()).rejects.toThrow(
    /altname|certificate/i,
  )
})

test('a cluster: records go to their slots, each once, while a node is restarted', { timeout: 120_000 }, async () => {
  await using cluster = await startRedisCluster()
  const { sink } = await open({
    url: cluster.url,
    keyPrefix: 'p:',
    scripts: { put: "redis.call('APPEND', KEYS[1], ARGV[1])" },
  })
  const count = LONG ? 20_000 : 3000
  const records = Array.from({ length: count }, (_, index) => record(sink, { op: 'incrby', key: `k${index % 1000}` }))
  const mixed = [
    record(sink, { op: 'script', script: 'put', keys: ['{a}1', '{a}2'], args: ['x'] }),
    record(sink, { op: 'publish', channel: 'c', data: 'x' }),
  ]
  const across = record(sink, { op: 'script', script: 'put', keys: ['a', 'b'], args: ['x'] })
  await deliverAll(sink, mixed)
  await deliverAll(sink, mixed)
  expect(await sink.deliver([across], signal)).toMatchObject([{ ok: false, kind: 'permanent' }])
  const running = deliverAll(sink, records, 60_000)
  cluster.nodes[1]?.kill()
  await cluster.nodes[1]?.restart()
  await running
  await deliverAll(sink, records)
  const { Cluster } = await import('ioredis')
  const look = new Cluster(
    cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    { redisOptions: { protocol: 2 } },
  )
  onTestFinished(() => look.disconnect())
  const counts = await Promise.all(Array.from({ length: 1000 }, (_, index) => look.get(`p:k${index}`)))
  expect(new Set(counts)).toEqual(new Set([String(count / 1000)]))
  expect(await look.get('p:{a}1')).toBe('x')
})

test('sentinels: the master dies, another takes over, and what a replica had to confirm is there once', {
  timeout: 120_000,
}, async () => {
  await using group = await startRedisSentinels()
  const { sink } = await open({ url: group.url, keyPrefix: '', waitReplicas: 1, waitTimeoutMs: 2000 })
  const [master, ...others] = group.nodes
  const records = Array.from({ length: 3000 }, (_, index) =>
    record(sink, { op: 'push', key: 'all', members: [String(index)] }),
  )
  const running = deliverAll(sink, records, 60_000)
  const look = await reader(`redis://127.0.0.1:${master?.port}`)
  await until('some are there', 20_000, async () => (await look.llen('all')) > 500)
  look.disconnect()
  master?.kill()
  await running
  const replicas = await Promise.all(others.slice(0, 2).map(({ port }) => reader(`redis://127.0.0.1:${port}`)))
  const roles = await Promise.all(replicas.map(async (client) => ((await client.call('ROLE')) as unknown[])[0]))
  expect(roles.filter((role) => role === 'master')).toHaveLength(1)
  const all = await replicas[roles.indexOf('master')]?.lrange('all', 0, -1)
  expect(all).toHaveLength(3000)
  expect(new Set(all).size).toBe(3000)
})
