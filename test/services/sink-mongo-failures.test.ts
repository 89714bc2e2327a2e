import { MongoClient } from 'mongodb'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createMongoSink, MongoLink, type MongoLinkOptions, type Sink } from '../../src/flow/sinks/index.ts'
import { freePort } from '../support/free-port.ts'
import { clientCertificate, selfSigned } from './certificates.ts'
import { until } from './chaos/until.ts'
import { startMongo } from './mongo.ts'
import { startProxy } from './proxy.ts'
import { deliverAll, deliverOnce, recordFor, signal } from './sink-kit.ts'

function makeSink(options: Partial<MongoLinkOptions> & { readonly uri: string }): Sink {
  return createMongoSink({ name: 'main', link: new MongoLink({ name: 'main', database: 'test', ...options }) })
}

describe('when something is wrong with the server', () => {
  test('a start without one, or with a wrong password, says what to do and no password', {
    timeout: 60_000,
  }, async () => {
    const options = { connectTimeoutMs: 500 }
    const away = makeSink({ ...options, uri: 'mongodb://me:secret-word@127.0.0.1:1/' })
    const failure = await away.connect().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'SINK_UNAVAILABLE', advice: expect.stringContaining('server runs') })
    expect(String(failure)).toMatch(/sinks\.mongo\.main\.uri: .*127\.0\.0\.1:1/)
    await using locked = await startMongo(true)
    const wrong = makeSink({ uri: `mongodb://user:secret-word@127.0.0.1:${locked.port}/` })
    const refused = await wrong.connect().catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'SINK_UNAVAILABLE', advice: expect.stringContaining('password') })
    const nobody = makeSink({ uri: `mongodb://127.0.0.1:${locked.port}/` })
    await expect(nobody.connect()).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      advice: expect.stringContaining('password'),
    })
    for (const error of [failure, refused]) expect(JSON.stringify([String(error), error])).not.toContain('secret-word')
    const right = makeSink({ uri: `mongodb://user:pass@127.0.0.1:${locked.port}/`, database: 'd' })
    await right.connect()
    expect(await deliverOnce(right, { collection: 'c', data: {} })).toEqual(['ok'])
    await right.close()
  })

  test('killed in the middle, it comes back: each document is there once', { timeout: 90_000 }, async () => {
    await using own = await startMongo()
    const uri = `mongodb://127.0.0.1:${own.port}/`
    const sink = makeSink({ uri, database: 'd', connectTimeoutMs: 2000, writeTimeoutMs: 3000 })
    onTestFinished(() => sink.close())
    await sink.connect()
    const look = new MongoClient(uri)
    onTestFinished(() => look.close())
    const all = look.db('d').collection('c')
    const records = Array.from({ length: 5000 }, (_, index) => recordFor(sink, { collection: 'c', data: { index } }))
    const running = deliverAll(sink, records, 60_000)
    await until('some are there', 20_000, async () => (await all.estimatedDocumentCount().catch(() => 0)) >= 500)
    own.kill()
    await own.restart()
    await running
    expect(await all.countDocuments()).toBe(5000)
  })

  test('a cut network, a reset, a slow and a frozen one: verdicts in time, each document once', {
    timeout: 90_000,
  }, async () => {
    await using own = await startMongo()
    await using proxy = await startProxy(own.port)
    const sink = makeSink({
      uri: `mongodb://127.0.0.1:${proxy.port}/`,
      database: 'd',
      connectTimeoutMs: 1000,
      writeTimeoutMs: 1000,
    })
    onTestFinished(() => sink.close())
    await sink.connect()
    const batch = Array.from({ length: 20 }, () => recordFor(sink, { collection: 'c', data: { x: 1 } }))
    const kinds = async (): Promise<readonly string[]> => {
      const verdicts = await sink.deliver(batch, signal)
      return [...new Set(verdicts.map((verdict) => (verdict.ok ? 'ok' : verdict.kind)))]
    }
    proxy.cut()
    const started = performance.now()
    expect(await kinds()).toEqual(['transient'])
    expect(performance.now() - started).toBeLessThan(8000)
    proxy.heal()
    await deliverAll(sink, batch)
    own.freeze()
    expect(await kinds()).toEqual(['transient'])
    own.thaw()
    const pending = sink.deliver([...batch, recordFor(sink, { collection: 'c', data: { x: 2 } })], signal)
    proxy.reset()
    await pending
    proxy.delay(100)
    await deliverAll(sink, batch)
    const look = new MongoClient(`mongodb://127.0.0.1:${own.port}/`)
    onTestFinished(() => look.close())
    expect(await look.db('d').collection('c').countDocuments({ x: 1 })).toBe(20)
  })
})

test('TLS: an authority of its own must be named, names must match, and clients may need certificates', async () => {
  const [files, other] = [await selfSigned(), await selfSigned('DNS:other.test')]
  const client = await clientCertificate(files, 'worker')
  const [open, strict, wrong] = [await freePort(), await freePort(), await freePort()]
  const flags = (port: number, { cert, key } = files): string[] => [
    `--listen-tls=127.0.0.1:${port}`,
    `--listen-tls-cert-file=${cert}`,
    `--listen-tls-key-file=${key}`,
  ]
  await using _ = await startMongo(false, ...flags(open))
  await using __ = await startMongo(false, ...flags(strict), `--listen-tls-ca-file=${files.cert}`)
  await using ___ = await startMongo(false, ...flags(wrong, other))
  const start = async (port: number, query: string): Promise<unknown> => {
    const sink = makeSink({ uri: `mongodb://127.0.0.1:${port}/?tls=true${query}`, connectTimeoutMs: 1000 })
    onTestFinished(() => sink.close())
    const refused = await sink.connect().catch((error: unknown) => error)
    return refused ?? (await deliverOnce(sink, { collection: 'c', data: {} }))
  }
  const trusted = `&tlsCAFile=${files.cert}`
  const known = `${trusted}&tlsCertificateKeyFile=${client.both}`
  expect(await start(open, trusted)).toEqual(['ok'])
  expect(await start(open, '')).toMatchObject({
    code: 'SINK_UNAVAILABLE',
    advice: expect.stringContaining('tlsCAFile') as string,
  })
  expect(await start(strict, known)).toEqual(['ok'])
  expect(await start(strict, trusted)).toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: expect.stringMatching(/TLS: .*certificate required$/) as string,
    advice: expect.stringContaining('tlsCertificateKeyFile') as string,
  })
  expect(await start(wrong, `&tlsCAFile=${other.cert}`)).toMatchObject({
    code: 'SINK_UNAVAILABLE',
    advice: expect.stringContaining('The certificate is of another host') as string,
  })
})
