import { describe, expect, test } from 'vitest'
import { createRedisSink } from '../index.ts'
import { redisLink } from './ioredis-link.ts'
import { errorKind, verdictOf } from './redis-error.ts'
import { slotOf, slotTag } from './slots.ts'

const link = redisLink({ name: 'main', url: 'redis://localhost', connectTimeoutMs: 1, commandTimeoutMs: 1 })
const sink = createRedisSink({ name: 'main', link, scope: 'g', keyPrefix: 'p:', scripts: { add: 'return 1' } })

describe('what is no command is refused with a reason for the author of the handler', () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  test.each<readonly [unknown, RegExp]>([
    [null, /must be an object/],
    [{ op: 'get', key: 'k' }, /`op` must be one of set, delete.*not "get"/],
    [{ op: 'toString', key: 'k' }, /`op` must be one of/],
    [{ key: 'k' }, /`data` is missing/],
    [{ key: 'k', data: null }, /no value for null/],
    [{ key: '', data: 'x' }, /`key` is empty/],
    [{ key: 5, data: 'x' }, /`key` must be a string/],
    [{ key: '\ud800', data: 'x' }, /surrogate/],
    [{ key: 'k', data: 'x', members: [] }, /`members` is no field of op set; it uses key, data, ttl/],
    [{ key: 'k', data: Number.NaN }, /NaN/],
    [{ key: 'k', data: cycle }, /circular/i],
    [{ key: 'k', data: { deep: 1n } }, /BigInt/],
    [{ key: 'k', data: new Date(Number.NaN) }, /not a valid date/],
    [{ key: 'k', data: () => 1 }, /of type function/],
    [{ key: 'k', data: 'x', ttl: 0 }, /`ttl` must be seconds, at least 0.001, not 0/],
    [{ op: 'expire', key: 'k' }, /`ttl` must be seconds/],
    [{ op: 'hset', key: 'k', fields: {} }, /`fields` is empty/],
    [{ op: 'hset', key: 'k', fields: { a: undefined } }, /`fields`.a is missing/],
    [{ op: 'zadd', key: 'k', members: { a: Number.NaN } }, /`members`.a must be a number, not NaN/],
    [{ op: 'incrby', key: 'k', amount: 1.5 }, /whole number of at most 64 bits, not 1.5/],
    [{ op: 'incrby', key: 'k', amount: 2n ** 63n }, /64 bits/],
    [{ op: 'push', key: 'k', members: ['x'], side: 'top' }, /left or right, not top/],
    [{ op: 'push', key: 'k', members: Array.from({ length: 5000 }, () => 'x') }, /at most 4000 arguments/],
    [{ op: 'trim', key: 'k', start: 0 }, /`stop` must be a whole number/],
    [{ op: 'publish', key: 'k', data: 'x' }, /`key` is no field of op publish/],
    [{ op: 'script', script: 'none', keys: ['k'] }, /configuration \(add\), not "none"/],
    [{ op: 'script', script: 'add', keys: [] }, /at least one key/],
    [{ op: 'script', script: 'add', keys: ['k'], args: [undefined] }, /`args\[0\]` is missing/],
  ])('%o', (payload, reason) => {
    expect(() => sink.accept(payload)).toThrow(reason)
  })
})

test('keys get the prefix, channels do not; names are sorted, so that the same output is the same command', () => {
  const commands = (payload: unknown): unknown => (sink.accept(payload) as { commands: unknown }).commands
  expect(commands({ key: 'k', data: 1 })).toEqual([['SET', 'p:k', '1']])
  expect(commands({ op: 'publish', channel: 'c', data: 'x' })).toEqual([['PUBLISH', 'c', 'x']])
  expect(commands({ op: 'hset', key: 'k', fields: { b: 1, a: true }, ttl: 1.5 })).toEqual([
    ['HSET', 'p:k', 'a', 'true', 'b', '1'],
    ['PEXPIRE', 'p:k', '1500'],
  ])
})

test('errors of the state of a server may pass, others are of the record', () => {
  const passing = [
    'LOADING Redis is loading the dataset in memory',
    'CLUSTERDOWN The cluster is down',
    'MOVED 1 127.0.0.1:1',
    'ASK 1 127.0.0.1:1',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    'MASTERDOWN Link with MASTER is down',
    'MISCONF Redis is configured to save RDB snapshots',
    '@user_script: 12: OOM command not allowed',
  ]
  expect(passing.filter((text) => errorKind(text) !== 'transient')).toEqual([])
  const refused = [
    'WRONGTYPE Operation against a key',
    'ERR value is not an integer',
    'NOPERM this user',
    'user_script:3: nil',
  ]
  expect(refused.filter((text) => errorKind(text) !== 'permanent')).toEqual([])
})

test('an answer that nobody knows is no success', () => {
  for (const answer of [undefined, null, 0, 3, {}, 'x'])
    expect(verdictOf(answer, 'redis:main', 1, 't:0').ok).toBe(false)
})

test('every slot of a cluster has a short name in it', () => {
  for (let slot = 0; slot < 16_384; slot += 1)
    if (slotOf(`drakkar:{${slotTag(slot)}}:x`) !== slot) expect.fail(`slot ${slot}`)
  expect(slotTag(5).length).toBeLessThan(8)
})
