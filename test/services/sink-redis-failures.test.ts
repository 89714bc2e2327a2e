import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Sink, SinkRecord } from '../../src/flow/sinks/index.ts'
import { freePort } from '../support/free-port.ts'
import { clientCertificate, selfSigned } from './certificates.ts'
import { until } from './chaos/until.ts'
import { startProxy } from './proxy.ts'
import { startRedis } from './redis.ts'
import { openRedisSink, redisReader, redisSink } from './redis-sink-kit.ts'
import { startServer } from './server-process.ts'
import { deliverAll, deliverOnce, recordFor, signal } from './sink-kit.ts'

describe('when something is wrong with the server', () => {
  test('a start without a server, with a wrong password or a wrong kind of URL says what to do and no password', async () => {
    await using locked = await startRedis('--requirepass', 'right-word')
    const url = `redis://:wrong-word@127.0.0.1:${locked.port}`
    const failure = await redisSink({ url })
      .connect()
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'SINK_UNAVAILABLE', advice: expect.stringContaining('password') })
    expect(String(failure)).toMatch(/WRONGPASS/)
    expect(String(failure)).not.toMatch(/wrong-word/)
    await redisSink({ url: `redis://127.0.0.1:${locked.port}`, password: 'right-word' }).connect()
    await expect(redisSink({ url: 'redis://127.0.0.1:1' }).connect()).rejects.toThrow(
      /127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED/,
    )
    await expect(
      redisSink({ url: `redis-cluster://:right-word@127.0.0.1:${locked.port}` }).connect(),
    ).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      advice: expect.stringContaining('redis://'),
    })
    expect(() => redisSink({ url: 'redis://:secret@a:1,b:2' })).toThrow(/several hosts/)
  })

  test('a password that is changed while it runs: transient, and password_file needs no restart', async () => {
    await using own = await startRedis('--requirepass', 'first-word')
    const look = await redisReader(`redis://:first-word@127.0.0.1:${own.port}`)
    const file = join(own.dir, 'password')
    const url = `redis://127.0.0.1:${own.port}`
    await expect(redisSink({ url, passwordFile: file }).connect()).rejects.toThrow(
      /sinks\.redis\.main\.password_file cannot be read: ENOENT/,
    )
    writeFileSync(file, 'first-word\n')
    const { sink } = await openRedisSink({ url, passwordFile: file, keyPrefix: '' })
    const { sink: fixed } = await openRedisSink({ url, password: 'first-word', keyPrefix: '' })
    const set = { op: 'set', key: 'a', data: 'x' }
    expect(await deliverOnce(sink, set)).toEqual(['ok'])
    await look.config('SET', 'requirepass', 'second-word')
    await look.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    const refusedBy = async (of: Sink): Promise<void> => {
      await until('the password is refused', 10_000, async () => {
        const [answer = ''] = await deliverOnce(of, set)
        expect(answer).toMatch(/^transient: /)
        return /redis:main set a: single Redis at .* cannot be used: WRONGPASS .*password_file/.test(answer)
      })
    }
    await refusedBy(sink)
    await refusedBy(fixed)
    writeFileSync(file, 'second-word\n')
    await until('the new one is taken', 10_000, async () => (await deliverOnce(sink, set))[0] === 'ok')
    // In the file before the server knows it: it is tried, refused, and has to be tried again.
    writeFileSync(file, 'third-word\n')
    const before = await refusedLogins(look)
    await look.config('SET', 'requirepass', 'not-yet')
    await look.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await until('the one in the file was tried, and refused', 10_000, async () => {
      await deliverOnce(sink, set)
      return (await refusedLogins(look)) >= before + 5
    })
    await look.config('SET', 'requirepass', 'third-word')
    await until('the third one is taken', 10_000, async () => (await deliverOnce(sink, set))[0] === 'ok')
    await look.config('SET', 'requirepass', 'first-word')
    await until('the old one is right again', 10_000, async () => (await deliverOnce(fixed, set))[0] === 'ok')
  })

  test('a server that is killed in the middle of a stream comes back: nothing is missing, nothing counts twice', async () => {
    await using own = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
    const { sink } = await openRedisSink({ url: `redis://127.0.0.1:${own.port}`, keyPrefix: '' })
    const look = await redisReader(`redis://127.0.0.1:${own.port}`)
    const records = Array.from({ length: 2000 }, (_, index) =>
      recordFor(sink, { op: 'push', key: 'all', members: [String(index)] }),
    )
    const running = deliverAll(sink, records, 60_000)
    await until('some are there', 10_000, async () => (await look.llen('all')) > 200)
    own.kill()
    await until('it says why', 10_000, async () => {
      const [answer = ''] = await deliverOnce(sink, { op: 'set', key: 'other', data: 'x' })
      expect(answer).not.toMatch(/enableOfflineQueue|max retries/)
      return /single Redis at 127\.0\.0\.1:\d+ cannot be used: connect ECONNREFUSED/.test(answer)
    })
    await own.restart()
    await running
    const all = await look.lrange('all', 0, -1)
    expect(all).toHaveLength(2000)
    expect(new Set(all).size).toBe(2000)
  })

  test('what no replica has is not acknowledged, also when it comes again on another connection', async () => {
    await using master = await startRedis()
    await using replica = await startRedis('--replicaof', '127.0.0.1', String(master.port))
    const url = `redis://127.0.0.1:${master.port}`
    const look = await redisReader(url)
    await until('the replica is there', 10_000, async () => /state=online/.test(await look.info('replication')))
    const options = { url, keyPrefix: 'twice:', waitReplicas: 1, waitTimeoutMs: 300 }
    const { sink } = await openRedisSink(options)
    replica.freeze()
    const record = recordFor(sink, { op: 'push', key: 'all', members: ['one'] })
    expect(await sink.deliver([record], signal)).toMatchObject([{ ok: false, kind: 'transient' }])
    // Its marker is set by now, and a new connection has written nothing.
    const { sink: other } = await openRedisSink(options)
    expect(await other.deliver([record], signal)).toMatchObject([{ ok: false, kind: 'transient' }])
    replica.thaw()
    await until('it has arrived', 10_000, async () => (await other.deliver([record], signal))[0]?.ok === true)
    expect(await look.lrange('twice:all', 0, -1)).toEqual(['one'])
  })

  test('a cut network, a reset, and a slow one: every verdict comes in time, and nothing counts twice', async () => {
    await using own = await startRedis()
    await using proxy = await startProxy(own.port)
    const { sink, prefix } = await openRedisSink({ url: `redis://127.0.0.1:${proxy.port}`, commandTimeoutMs: 700 })
    const direct = await redisReader(`redis://127.0.0.1:${own.port}`)
    const counter = (from: number): SinkRecord[] =>
      Array.from({ length: 50 }, (_, index) =>
        recordFor(sink, { op: 'incrby', key: 'n' }, `jobs:0:${from + index}:0/redis:main/9${prefix}`),
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
  })

  test('a server that is frozen, full, or has forgotten the scripts: later, and then once', async () => {
    await using own = await startRedis()
    const { sink } = await openRedisSink({ url: `redis://127.0.0.1:${own.port}`, keyPrefix: '', commandTimeoutMs: 500 })
    const look = await redisReader(`redis://127.0.0.1:${own.port}`)
    const one = recordFor(sink, { op: 'incrby', key: 'n' })
    own.freeze()
    const frozen = await sink.deliver([one], signal)
    expect(frozen).toMatchObject([{ ok: false, kind: 'transient' }])
    own.thaw()
    await deliverAll(sink, [one])
    await look.call('SCRIPT', 'FLUSH')
    await deliverAll(sink, [one, recordFor(sink, { op: 'incrby', key: 'n' })])
    expect(await look.get('n')).toBe('2')
    await look.config('SET', 'maxmemory', '1')
    const full = recordFor(sink, { op: 'push', key: 'l', members: ['x'] })
    expect(await sink.deliver([full], signal)).toMatchObject([
      { ok: false, kind: 'transient', error: { message: expect.stringContaining('OOM') } },
    ])
    await look.config('SET', 'maxmemory', '0')
    await deliverAll(sink, [full])
    expect(await look.lrange('l', 0, -1)).toEqual(['x'])
  })

  test.runIf(process.getuid?.() === 0)('a full disk: later, and every record once', { timeout: 60_000 }, async () => {
    const disk = mkdtempSync(join(tmpdir(), 'drakkar-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk])
    onTestFinished(() => {
      execFileSync('umount', ['--lazy', disk])
      rmSync(disk, { recursive: true })
    })
    await using own = await startServer('redis.sh', 'start', await freePort(), ['--appendonly', 'yes'], disk)
    const { sink } = await openRedisSink({ url: `redis://127.0.0.1:${own.port}`, keyPrefix: '' })
    const look = await redisReader(`redis://127.0.0.1:${own.port}`)
    const records = Array.from({ length: 100 }, (_, n) =>
      recordFor(sink, { op: 'push', key: 'l', members: [`${n}:${'x'.repeat(100_000)}`] }),
    )
    let left: readonly SinkRecord[] = records
    const said = await until('the disk is full', 20_000, async () => {
      const batch = left.slice(0, 10)
      left = left.slice(10)
      const verdicts = await sink.deliver(batch, signal)
      return verdicts.find((verdict) => !verdict.ok)
    })
    expect(said).toMatchObject({ kind: 'transient', error: { message: expect.stringMatching(/MISCONF.*No space/) } })
    execFileSync('mount', ['-o', 'remount,size=64m', disk])
    await deliverAll(sink, records)
    const all = await look.lrange('l', 0, -1)
    expect(all.map((text) => Number.parseInt(text, 10)).sort((a, b) => a - b)).toEqual(records.map((_, n) => n))
  })

  test('a replica refuses writes: later, not never', async () => {
    await using master = await startRedis()
    await using replica = await startRedis('--replicaof', '127.0.0.1', String(master.port))
    const { sink } = await openRedisSink({ url: `redis://127.0.0.1:${replica.port}`, keyPrefix: '' })
    const look = await redisReader(`redis://127.0.0.1:${replica.port}`)
    const one = recordFor(sink, { key: 'a', data: 'x' })
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
  const sink = redisSink({ url, tls: { caFile: files.cert } })
  onTestFinished(() => sink.close())
  await sink.connect()
  expect(await deliverOnce(sink, { key: 'a', data: 'sealed' })).toEqual(['ok'])
  const plain = await redisReader(`redis://127.0.0.1:${own.port}`)
  expect(await plain.get('a')).toBe('sealed')
  await expect(redisSink({ url }).connect()).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: expect.stringMatching(/certificate/),
    advice: expect.stringContaining('ca_file'),
  })
  await expect(redisSink({ url, tls: { caFile: files.cert, serverName: 'other.example' } }).connect()).rejects.toThrow(
    /altname|certificate/i,
  )
})

test('TLS: a server that knows its clients by their certificates', async () => {
  const files = await selfSigned()
  const client = await clientCertificate(files, 'worker')
  const port = await freePort()
  const tls = ['--tls-port', String(port), '--tls-cert-file', files.cert, '--tls-key-file', files.key]
  await using _ = await startRedis(...tls, '--tls-ca-cert-file', files.cert, '--tls-auth-clients', 'yes')
  const url = `rediss://127.0.0.1:${port}`
  const known = { caFile: files.cert, certFile: client.cert, keyFile: client.key }
  const sink = redisSink({ url, tls: known })
  onTestFinished(() => sink.close())
  await sink.connect()
  expect(await deliverOnce(sink, { key: 'a', data: 'sealed' })).toEqual(['ok'])
  const stranger = redisSink({ url, tls: { caFile: files.cert } })
  onTestFinished(() => stranger.close())
  await expect(stranger.connect()).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    advice: expect.stringContaining('cert_file'),
  })
})

/** Logins with a wrong password since the server started. */
async function refusedLogins(look: Redis): Promise<number> {
  const [, count = '0'] = /errorstat_WRONGPASS:count=(\d+)/.exec(await look.info('errorstats')) ?? []
  return Number(count)
}
