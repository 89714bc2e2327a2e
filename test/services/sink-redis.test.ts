import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sink, SinkRecord } from '../../src/flow/sinks/index.ts'
import { sinkContract } from '../../src/testing/index.ts'
import { until } from './chaos/until.ts'
import { anyRedis } from './redis.ts'
import { openRedisSink, ownPrefix, type RedisOptions, redisReader, redisSink } from './redis-sink-kit.ts'
import { assignment, deliverAll, deliverOnce, PLACED, recordFor, signal } from './sink-kit.ts'

const RECORDS = process.env['DRAKKAR_NIGHTLY'] === '1' ? 100_000 : 10_000

let server: Awaited<ReturnType<typeof anyRedis>>
beforeAll(async () => {
  server = await anyRedis()
})
afterAll(() => server.stop())

async function open(options: Partial<RedisOptions> = {}): Promise<{ sink: Sink; prefix: string; look: Redis }> {
  return { ...(await openRedisSink({ url: server.url, ...options })), look: await redisReader(server.url) }
}

sinkContract(test, 'redis sink', async () => {
  const client = new Redis(server.url, { protocol: 2 })
  const keyPrefix = ownPrefix()
  await client.set(`${keyPrefix}taken`, 'text')
  return {
    sink: redisSink({ url: server.url, keyPrefix }),
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
    const verdicts = await deliverOnce(
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
    const verdicts = await deliverOnce(
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
    expect(await deliverOnce(sink, { op: 'hset', key: 'large', fields })).toEqual(['ok'])
    expect(await look.hlen(`${prefix}large`)).toBe(20_000)
  })

  test('publish reaches subscribers once, also when it comes again', async () => {
    const { sink, prefix, look } = await open()
    const heard: string[] = []
    await look.subscribe(`${prefix}news`)
    look.on('message', (_channel, text) => heard.push(text))
    const news = recordFor(sink, { op: 'publish', channel: `${prefix}news`, data: 'first' })
    await sink.deliver([news], signal)
    await sink.deliver([news, recordFor(sink, { op: 'publish', channel: `${prefix}news`, data: 'last' })], signal)
    await until('the last one is heard', 5000, () => heard.includes('last'))
    expect(heard).toEqual(['first', 'last'])
  })

  test('records of every kind in one call have a verdict each, also where one is refused and one was done before', async () => {
    const { sink, prefix, look } = await open()
    const counted = recordFor(sink, { op: 'incrby', key: 'n' })
    expect(await sink.deliver([counted], signal)).toEqual([PLACED])
    const verdicts = await sink.deliver(
      [
        recordFor(sink, { key: 'text', data: 'a' }),
        recordFor(sink, { op: 'publish', channel: `${prefix}news`, data: 'b' }),
        counted,
        recordFor(sink, { op: 'push', key: 'text', members: ['c'] }),
        recordFor(sink, { op: 'hset', key: 'h', fields: { d: 1 }, ttl: 60 }),
        recordFor(sink, { op: 'incrby', key: 'n', amount: 10 }),
      ],
      signal,
    )
    expect(verdicts.map((verdict) => verdict.ok || verdict.kind)).toEqual([true, true, true, 'permanent', true, true])
    expect(await look.mget(`${prefix}text`, `${prefix}n`)).toEqual(['a', '11'])
    expect(await look.hgetall(`${prefix}h`)).toEqual({ d: '1' })
    expect(await look.pttl(`${prefix}h`)).toBeGreaterThan(50_000)
    // What was refused leaves no marker behind.
    expect(await look.keys(`${prefix}drakkar:done:*`)).toHaveLength(3)
  })

  test('scripts of the configuration get keys with the prefix; their errors are of the record', async () => {
    const scripts = {
      sum: "return redis.call('INCRBY', KEYS[1], ARGV[1] + ARGV[2])",
      wrong: 'local x = nil; return x.y',
      says: "return redis.error_reply('ERR no, thank you')",
    }
    const { sink, prefix, look } = await open({ scripts })
    const again = recordFor(sink, { op: 'script', script: 'sum', keys: ['total'], args: [1, 2] })
    expect(await sink.deliver([again], signal)).toEqual([PLACED])
    expect(await sink.deliver([again], signal)).toEqual([PLACED])
    expect(await look.get(`${prefix}total`)).toBe('3')
    const verdicts = await deliverOnce(
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
    const refused = recordFor(sink, { op: 'incrby', key: 'text' })
    const verdicts = await sink.deliver(
      [
        recordFor(sink, { key: 'a', data: '1' }),
        refused,
        recordFor(sink, { op: 'hset', key: 'text', fields: { a: 1 } }),
        recordFor(sink, { key: 'b', data: '2' }),
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
      recordFor(sink, { op: 'incrby', key: `c${index % 100}` }),
    )
    await deliverAll(sink, records)
    await deliverAll(sink, records)
    const counts = await look.mget(Array.from({ length: 100 }, (_, index) => `${prefix}c${index}`))
    expect(new Set(counts)).toEqual(new Set([String(RECORDS / 100)]))
  })

  test('without markers a replay counts again, and leaves no marker', async () => {
    const { sink, prefix, look } = await open({ markers: false, fences: false })
    const one = recordFor(sink, { op: 'incrby', key: 'n' })
    await sink.deliver([one], signal)
    await sink.deliver([one], signal)
    expect(await look.get(`${prefix}n`)).toBe('2')
    expect(await look.keys(`${prefix}*`)).toEqual([`${prefix}n`])
  })

  test('a marker ends with its time, and another application has markers of its own', async () => {
    const first = await open({ markerTtlMs: 60_000 })
    const other = await open({ keyPrefix: first.prefix, scope: 'other' })
    const one = recordFor(first.sink, { op: 'incrby', key: 'n' })
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
      ...recordFor(sink, payload),
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
