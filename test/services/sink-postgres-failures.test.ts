import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, statSync } from 'node:fs'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { SinkRecord } from '../../src/flow/sinks/index.ts'
import { type Certificate, clientCertificate, selfSigned } from './certificates.ts'
import { until } from './chaos/until.ts'
import { startPostgres } from './postgres.ts'
import {
  countOf,
  openPostgresSink,
  type PostgresOptions,
  postgresClient,
  postgresSchema,
  postgresSink,
  rowsOf,
} from './postgres-sink-kit.ts'
import { startProxy } from './proxy.ts'
import { deliverAll, deliverOnce, PLACED, recordFor, signal } from './sink-kit.ts'

let own: Awaited<ReturnType<typeof startPostgres>>
beforeAll(async () => {
  // What it said it has it has after a SIGKILL; for that of the machine the files are not synced.
  own = await startPostgres('full_page_writes=on', 'max_connections=30')
}, 120_000)
afterAll(() => own.stop())

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

describe('a start that cannot work says why and what to do, and no password', () => {
  test.each<[string, (dsn: URL) => void, RegExp, RegExp]>([
    [
      'no server',
      (dsn) => (dsn.port = '1'),
      /127\.0\.0\.1:1\/postgres cannot be used: .*ECONNREFUSED/,
      /runs and can be reached/,
    ],
    [
      'a wrong password',
      (dsn) => (dsn.password = 'wrong-word'),
      /password authentication failed .*\(28P01\)/,
      /password/,
    ],
    [
      'no such database',
      (dsn) => (dsn.pathname = '/nowhere'),
      /database "nowhere" does not exist/,
      /Create the database/,
    ],
    [
      'TLS where there is none',
      (dsn) => dsn.searchParams.set('sslmode', 'require'),
      /does not support SSL/,
      /sslmode=disable/,
    ],
  ])('%s', async (_, change, message, advice) => {
    const dsn = new URL(own.dsn)
    change(dsn)
    const error = await failure(postgresSink(String(dsn)).connect())
    expect(error).toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringMatching(message) as string,
      advice: expect.stringMatching(advice) as string,
    })
    expect(`${JSON.stringify(error)} ${String(error)}`).not.toMatch(/wrong-word/)
  })

  test('a table, a statement, tables for ids that may not be created', async () => {
    const { look, dsn } = await postgresSchema(own.dsn, 'CREATE TABLE t (k int)')
    const start = (options: Parameters<typeof postgresSink>[1]): Promise<unknown> =>
      failure(postgresSink(dsn, options).connect())
    expect(String(await start({ table: 'missing' }))).toMatch(/sinks\.postgres\.main\.table: there is no table missing/)
    expect(String(await start({ statements: { a: 'UPDATE t SET nope = :x' } }))).toMatch(
      /sinks\.postgres\.main\.statements\.a: PostgreSQL refuses it: .*"nope"/,
    )
    expect(String(await start({ statements: { a: 'DELETE FROM t; DROP TABLE t' } }))).toMatch(/multiple commands/)
    expect(await countOf(look, 't')).toBe(0)
    expect(await start({ createTables: false })).toMatchObject({
      code: 'SINK_UNAVAILABLE',
      message: expect.stringMatching(/tables for ids and owners cannot be used: .*do not exist/) as string,
      advice: expect.stringMatching(/CREATE TABLE IF NOT EXISTS drakkar_delivered .*idempotency/) as string,
    })
    await look.query('ALTER ROLE postgres SET default_transaction_read_only = on')
    onTestFinished(async () => void (await look.query('ALTER ROLE postgres RESET default_transaction_read_only')))
    expect(String(await start({}))).toMatch(/transactions are read-only there/)
  })

  test('statements and names that can never be are errors of the configuration', () => {
    expect(() => postgresSink(own.dsn, { statements: { a: 'SELECT $1' } })).toThrow(
      /statements\.a: \$1 is written by hand/,
    )
    expect(() => postgresSink(own.dsn, { table: 'a.b.c' })).toThrow(/main\.table: "a\.b\.c" is no name of a table/)
    expect(() => postgresSink('mysql://me:secret-word@host/db')).toThrow(/^(?!.*secret-word)must be postgres:/)
  })
})

describe('TLS', () => {
  test('a certificate of another host or of nobody known is refused at the start; a right one is not', async () => {
    const { cert, key } = await selfSigned()
    await using server = await startPostgres('ssl=on', `ssl_cert_file=${cert}`, `ssl_key_file=${key}`)
    const start = async (query: string, tls: PostgresOptions['tls'] = {}): Promise<unknown> => {
      const sink = postgresSink(`${server.dsn}?${query}`, { tls })
      onTestFinished(() => sink.close())
      return failure(sink.connect())
    }
    expect(await start('', { caFile: cert })).toBeNull()
    expect(await start(`sslmode=verify-full&sslrootcert=${cert}`)).toBeNull()
    expect(await start('sslmode=require')).toBeNull()
    expect(await start('', { caFile: cert, serverName: 'db.example', mode: 'verify-ca' })).toBeNull()
    expect(await start('', { caFile: cert, serverName: 'db.example' })).toMatchObject({
      code: 'SINK_UNAVAILABLE',
      advice: expect.stringContaining('The certificate is of another host') as string,
    })
    expect(await start('sslmode=verify-full')).toMatchObject({
      code: 'SINK_UNAVAILABLE',
      advice: expect.stringContaining('tls.ca_file') as string,
    })
    expect(await start('', { caFile: '/nowhere.pem' })).toMatchObject({ code: 'SINK_UNAVAILABLE' })
    const look = await postgresClient(server.dsn)
    const encrypted =
      "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE application_name = 'drakkar'"
    expect(await rowsOf(look, encrypted)).toEqual([{ ssl: true }])
  })

  test('a server that knows its clients by their certificates', async () => {
    const own = await selfSigned()
    const [known, other] = [await clientCertificate(own, 'postgres'), await clientCertificate(own, 'somebody')]
    const hba = join(dirname(own.cert), 'hba.conf')
    await writeFile(hba, 'local all all trust\nhostssl all all 127.0.0.1/32 cert\n')
    // The user of the server reads it.
    await chmod(dirname(own.cert), 0o755)
    const files = [`ssl_cert_file=${own.cert}`, `ssl_key_file=${own.key}`, `ssl_ca_file=${own.cert}`]
    await using server = await startPostgres('ssl=on', ...files, `hba_file=${hba}`)
    const start = async ({ cert, key }: Partial<Certificate>): Promise<unknown> => {
      const named = cert === undefined ? '' : `&sslcert=${cert}&sslkey=${key}`
      const sink = postgresSink(`${server.dsn}?sslmode=verify-full&sslrootcert=${own.cert}${named}`)
      onTestFinished(() => sink.close())
      return failure(sink.connect())
    }
    expect(await start(known)).toBeNull()
    for (const files of [other, {}]) {
      expect(await start(files)).toMatchObject({
        code: 'SINK_UNAVAILABLE',
        advice: expect.stringContaining('tls.cert_file') as string,
      })
    }
  })
})

describe('when something goes wrong while it runs', () => {
  const stream = (sink: Parameters<typeof recordFor>[0], count: number): SinkRecord[] =>
    Array.from({ length: count }, (_, k) => recordFor(sink, { table: 't', data: { k } }))

  test('a server that is killed in the middle of a stream comes back: each record is there once', async () => {
    await using server = await startPostgres('fsync=on', 'synchronous_commit=on')
    const { sink, look, dsn } = await openPostgresSink(server.dsn, 'CREATE TABLE t (k int)')
    const running = deliverAll(sink, stream(sink, 10_000), 60_000)
    await until('some are there', 10_000, async () => (await countOf(look, 't')) > 0)
    server.kill()
    await server.restart()
    await running
    const after = await postgresClient(dsn)
    expect(await rowsOf(after, 'SELECT count(*)::int AS n, count(DISTINCT k)::int AS d FROM t')).toEqual([
      { n: 10_000, d: 10_000 },
    ])
  }, 120_000)

  test('its connections are ended by an administrator: the batch is tried again', async () => {
    const { sink, look } = await openPostgresSink(own.dsn, 'CREATE TABLE t (k int)')
    let over = false
    const running = deliverAll(sink, stream(sink, 20_000), 30_000).finally(() => {
      over = true
    })
    let ended = 0
    await until('five connections were ended', 30_000, async () => {
      const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'drakkar'"
      ended += (await rowsOf(look, end)).length
      return over || ended >= 5
    })
    await running
    expect(ended).toBeGreaterThan(0)
    expect(await rowsOf(look, 'SELECT count(*)::int AS n, count(DISTINCT k)::int AS d FROM t')).toEqual([
      { n: 20_000, d: 20_000 },
    ])
  })

  test('a cut network, a reset and a slow one: every verdict comes in time, and nothing is there twice', async () => {
    await using proxy = await startProxy(own.port)
    const { look, dsn } = await postgresSchema(own.dsn, 'CREATE TABLE t (k int)')
    const through = new URL(dsn)
    through.port = String(proxy.port)
    const sink = postgresSink(String(through), { answerTimeoutMs: 800, connectTimeoutMs: 800, statementTimeoutMs: 700 })
    onTestFinished(() => sink.close())
    await sink.connect()
    const all = stream(sink, 300)
    const part = (from: number): SinkRecord[] => all.slice(from, from + 100)
    expect(new Set(await sink.deliver(part(0), signal))).toEqual(new Set([PLACED]))
    proxy.cut()
    const started = performance.now()
    const answers = await sink.deliver(part(100), signal)
    expect(answers.map((verdict) => !verdict.ok && verdict.kind)).toEqual(
      Array.from({ length: 100 }, () => 'transient'),
    )
    expect(performance.now() - started).toBeLessThan(5000)
    proxy.reset(true)
    expect(
      (await sink.deliver(part(100), signal)).every((verdict) => !verdict.ok && verdict.kind === 'transient'),
    ).toBe(true)
    proxy.heal()
    proxy.delay(50)
    await deliverAll(sink, all)
    proxy.heal()
    await deliverAll(sink, all)
    expect(await countOf(look, 't')).toBe(300)
  })

  test('a table that somebody has locked: transient after the statement time-out, then written', async () => {
    const { sink, look } = await openPostgresSink(own.dsn, 'CREATE TABLE t (k int)', { statementTimeoutMs: 300 })
    await look.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE')
    const record = recordFor(sink, { table: 't', data: { k: 1 } })
    expect(await sink.deliver([record], signal)).toMatchObject([
      {
        ok: false,
        kind: 'transient',
        error: { message: expect.stringMatching(/statement timeout \(57014\)/) as string },
      },
    ])
    await look.query('COMMIT')
    expect(await sink.deliver([record], signal)).toEqual([PLACED])
    expect(await countOf(look, 't')).toBe(1)
  })

  test('a batch that the delivery gives up leaves no lock behind', async () => {
    const { sink, look } = await openPostgresSink(own.dsn, 'CREATE TABLE t (k int)')
    await look.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE')
    const record = recordFor(sink, { table: 't', data: { k: 1 } })
    const gaveUp = new AbortController()
    const first = sink.deliver([record], gaveUp.signal)
    await until('it waits for the table', 10_000, async () => {
      const waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"
      return (await rowsOf(look, waiting)).length > 0
    })
    gaveUp.abort()
    const answered = await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 4000, 'too late'))])
    expect(answered).toMatchObject([{ ok: false, kind: 'transient' }])
    const again = sink.deliver([record], signal)
    await look.query('COMMIT')
    expect(await again).toEqual([PLACED])
    expect(await countOf(look, 't')).toBe(1)
  })

  test('a password that is changed while it runs: transient with what to do, and password_file needs no restart', async () => {
    const { look, dsn } = await postgresSchema(own.dsn, 'CREATE TABLE t (k int)')
    const role = `rotated_${randomUUID().slice(0, 8)}`
    await look.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'old-word'`)
    const file = join(own.dir, 'password-of-role')
    await writeFile(file, 'old-word\n')
    const as = new URL(dsn)
    as.username = role
    as.password = ''
    // With one connection, no other is opened while that one is on its way back into the pool.
    const sink = postgresSink(String(as), { passwordFile: file, poolMax: 1 })
    onTestFinished(() => sink.close())
    await sink.connect()
    expect(await deliverOnce(sink, { table: 't', data: { k: 1 } })).toEqual(['ok'])
    await look.query(`ALTER ROLE ${role} PASSWORD 'new-word'`)
    // What is open stays open; the next connection asks again.
    expect(await deliverOnce(sink, { table: 't', data: { k: 2 } })).toEqual(['ok'])
    await look.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`)
    await until('logins are refused', 5000, async () => {
      const [answer = ''] = await deliverOnce(sink, { table: 't', data: { k: 3 } })
      if (!answer.includes('28P01')) return false
      expect(answer).toMatch(/^transient: postgres:main: .*The password is not valid any more: .*password_file/)
      expect(answer).not.toMatch(/old-word/)
      return true
    })
    await writeFile(file, 'new-word\n')
    expect(await deliverOnce(sink, { table: 't', data: { k: 4 } })).toEqual(['ok'])
  })

  test('no connection left: transient, with what to do', async () => {
    const { sink } = await openPostgresSink(own.dsn, 'CREATE TABLE t (k int)', { poolMax: 2 })
    const others = []
    for (;;) {
      const taken = await postgresClient(own.dsn).catch(() => null)
      if (taken === null) break
      others.push(taken)
    }
    const answers = await Promise.all([1, 2].map((k) => deliverOnce(sink, { table: 't', data: { k } })))
    expect(answers.flat()).toContainEqual(
      expect.stringMatching(/^transient: .*\(53300\)\. The server has no connection left/),
    )
    await Promise.all(others.map((other) => other.end()))
    expect(await deliverOnce(sink, { table: 't', data: { k: 3 } })).toEqual(['ok'])
  })

  test('a server that only reads for a while: transient', async () => {
    const { sink, look } = await openPostgresSink(own.dsn, 'CREATE TABLE t (k int)')
    await look.query('ALTER SYSTEM SET default_transaction_read_only = on')
    await look.query('SELECT pg_reload_conf()')
    await until('it only reads', 5000, async () => {
      const [answer = ''] = await deliverOnce(sink, { table: 't', data: { k: 1 } })
      return /^transient: .*\(25006\)/.test(answer)
    })
    await look.query('SET default_transaction_read_only = off')
    await look.query('ALTER SYSTEM RESET default_transaction_read_only')
    await look.query('SELECT pg_reload_conf()')
    await until(
      'it writes again',
      5000,
      async () => (await deliverOnce(sink, { table: 't', data: { k: 2 } }))[0] === 'ok',
    )
  })

  test.skipIf(process.getuid?.() !== 0)(
    'a disk that is full: transient, and written when there is room again',
    async () => {
      const disk = join(own.dir, 'small-disk')
      mkdirSync(disk)
      const { uid } = statSync(join(own.dir, 'data'))
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=4m,mode=700,uid=${uid}`, 'tmpfs', disk])
      onTestFinished(() => void execFileSync('umount', ['--lazy', disk]))
      const { sink, look } = await openPostgresSink(own.dsn, '')
      await look.query(`CREATE TABLESPACE small LOCATION '${disk}'`)
      await look.query('CREATE TABLE t (x text) TABLESPACE small')
      await writeFile(join(disk, 'filler'), Buffer.alloc(1_500_000))
      const rows = Array.from({ length: 5 }, (_, k) =>
        recordFor(sink, { table: 't', data: { x: `${k}`.repeat(1_000_000).slice(0, 1_000_000) } }),
      )
      await look.query('ALTER TABLE t ALTER x SET STORAGE EXTERNAL')
      const answers = await sink.deliver(rows, signal)
      expect(answers[0]).toMatchObject({
        ok: false,
        kind: 'transient',
        error: { message: expect.stringMatching(/\(53100\)\. The disk of the server is full/) as string },
      })
      await rm(join(disk, 'filler'))
      await look.query('VACUUM t')
      await deliverAll(sink, rows.slice(0, 2))
      expect(await countOf(look, 't')).toBe(2)
      await look.query('DROP TABLE t')
      await look.query('DROP TABLESPACE small')
    },
  )
})
