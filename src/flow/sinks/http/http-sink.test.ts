import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { LookupFunction } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Collector } from '../../../../test/support/collector.ts'
import { systemClock } from '../../../lib/index.ts'
import { sinkContract } from '../../../testing/index.ts'
import { virtualClock } from '../../../testing/virtual-clock.ts'
import type { RecordVerdict, Sink } from '../sink.ts'
import type { HttpRecord } from './http-record.ts'
import { createHttpSink, type HttpSinkOptions } from './http-sink.ts'

const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
const { signal } = new AbortController()
const NO_TLS = { verify: true, caFile: '', certFile: '', keyFile: '', keyPassword: '', serverName: '' }

let server: Collector
const sinks: Sink<HttpRecord>[] = []
let counter = 0

beforeAll(async () => {
  server = await Collector.start()
})
afterAll(() => server.stop())
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close()
})

function options(over: Partial<HttpSinkOptions>): HttpSinkOptions {
  return {
    name: 'out',
    url: `${server.url}/in`,
    method: 'POST',
    encoding: 'json',
    contentType: '',
    headers: {},
    payloadUrl: 'none',
    allowedHosts: [],
    idempotencyHeader: 'Idempotency-Key',
    batchFormat: 'none',
    maxRedirects: 0,
    timeoutMs: 10_000,
    connectTimeoutMs: 5_000,
    headersTimeoutMs: 10_000,
    bodyTimeoutMs: 10_000,
    connections: 16,
    rate: null,
    tls: NO_TLS,
    addresses: { refusePrivate: false, refuseLoopback: false },
    checkAtStart: true,
    clock: systemClock,
    ...over,
  }
}

async function connected(over: Partial<HttpSinkOptions> = {}): Promise<Sink<HttpRecord>> {
  const sink = createHttpSink(options(over))
  sinks.push(sink)
  await sink.connect()
  return sink
}

/** To a path of the collector that misbehaves. */
const at = (path: string, over: Partial<HttpSinkOptions> = {}): Promise<Sink<HttpRecord>> =>
  connected({ url: `${server.url}/${path}`, ...over })

async function deliver(sink: Sink<HttpRecord>, ...payloads: readonly object[]): Promise<readonly RecordVerdict[]> {
  const batch = payloads.map((payload) => {
    counter += 1
    return { id: `jobs:0:${counter}:0/http:out/0`, payload: sink.accept(payload), assignment }
  })
  return sink.deliver(batch, signal)
}

async function one(sink: Sink<HttpRecord>, payload: object = { data: 1 }): Promise<string> {
  const [verdict] = await deliver(sink, payload)
  if (verdict === undefined) return 'nothing'
  return verdict.ok ? 'ok' : `${verdict.kind} ${verdict.retryAfterMs ?? '-'} ${verdict.error.message}`
}

sinkContract(test, 'http sink', async () => {
  const own = await Collector.start()
  return {
    sink: createHttpSink(options({ url: `${own.url}/picky`, connections: 1 })),
    payload: (value) => ({ data: { value } }),
    spoil: (payload) => {
      ;(payload['data'] as { value: string }).value = 'spoilt'
    },
    bad: [
      undefined,
      null,
      7,
      {},
      { data: 1n },
      { data: 1, path: 'x' },
      { data: 1, url: 'http://a/' },
      { data: Buffer.of(1) },
    ],
    refused: () => ({ data: 'poison' }),
    idempotent: true,
    written: async () =>
      Object.values((await own.received()).kept).map(({ body }) => (JSON.parse(body) as { value: string }).value),
    cleanUp: () => own.stop(),
  }
})

test('a token is read from its file, and again while the sink is open; what is no token is passed over', async () => {
  await using own = await Collector.start()
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-token-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'token')
  const clock = virtualClock()
  const over = { url: `${own.url}/in`, payloadUrl: 'url', allowedHosts: ['localhost'], bearerTokenFile: file } as const
  await expect(connected({ ...over, clock })).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: expect.stringMatching(/^sinks\.http\.out\.bearer_token_file cannot be used: ENOENT.*token/),
  })
  await writeFile(file, 'two\nlines')
  await expect(connected({ ...over, clock })).rejects.toThrow('holds no token: the value of `authorization`')
  await writeFile(file, 'first\n')
  const noTls = { ...NO_TLS, caFile: join(folder, 'none') }
  await expect(connected({ ...over, tls: noTls, clock })).rejects.toThrow('tls.ca_file')
  expect(clock.scheduled).toBe(0)
  const sink = await connected({ ...over, clock })
  const passFiveSeconds = async (): Promise<void> => {
    await clock.run(5000)
    while (clock.scheduled === 0) await turn()
  }
  const sent = async (payload: object): Promise<string | undefined> => {
    expect(await one(sink, payload)).toBe('ok')
    const { kept } = await own.received()
    return kept[`jobs:0:${counter}:0/http:out/0`]?.headers['authorization']
  }
  expect(await sent({ data: 1 })).toBe('Bearer first')
  for (const text of ['two\nlines', '']) {
    await writeFile(file, text)
    await passFiveSeconds()
  }
  expect(await sent({ data: 2 })).toBe('Bearer first')
  await writeFile(file, 'second\n')
  await passFiveSeconds()
  expect(await sent({ data: 3 })).toBe('Bearer second')
  // For the host of `url` alone.
  expect(await sent({ data: 4, url: `http://localhost:${own.port}/in` })).toBeUndefined()
  await sink.close()
  expect(clock.scheduled).toBe(0)
})

test('a request carries method, headers, body and key', async () => {
  await using own = await Collector.start()
  const sink = await connected({
    url: `http://bob:p%40ss@127.0.0.1:${own.port}/base?x=1`,
    method: 'PUT',
    headers: { 'X-Team': 'blue' },
    payloadUrl: 'path',
  })
  expect(
    await one(sink, { data: { a: 'ø' }, path: 'b/c d', query: { y: [1, true], z: null }, headers: { 'X-Own': 'v' } }),
  ).toBe('ok')
  const [[key, request] = ['', null]] = Object.entries((await own.received()).kept)
  expect(key).toBe(`jobs:0:${counter}:0/http:out/0`)
  expect(Buffer.from(request?.body ?? '', 'latin1').toString()).toBe('{"a":"ø"}')
  expect(request).toMatchObject({
    method: 'PUT',
    url: '/base/b/c%20d?x=1&y=1&y=true',
    headers: {
      authorization: `Basic ${Buffer.from('bob:p@ss').toString('base64')}`,
      'content-type': 'application/json',
      'x-team': 'blue',
      'x-own': 'v',
    },
  })
})

test.each([
  ['status/200', 'ok'],
  ['status/204', 'ok'],
  ['status/301', 'permanent - '],
  ['status/400', 'permanent - '],
  ['status/401', 'transient - '],
  ['status/403', 'permanent - '],
  ['status/404', 'permanent - '],
  ['status/408', 'transient - '],
  ['status/425', 'transient - '],
  ['status/429', 'transient - '],
  ['status/500', 'transient - '],
  ['status/503', 'transient - '],
  ['reset', 'transient - '],
  ['half', 'transient - '],
  ['unheard', 'transient - '],
  ['huge/3', 'ok'],
  ['huge/3/500', 'transient - '],
])('an answer of /%s is %s', async (path, expected) => {
  const said = await one(await at(path))
  expect(said.slice(0, expected.length)).toBe(expected)
  expect(said.length).toBeLessThan(800)
})

test('credentials of the sink that are not right are no fault of a record; its own ones are', async () => {
  const unknown = await at('status/401', { payloadUrl: 'url', allowedHosts: ['localhost'] })
  expect(await one(unknown)).toMatch(/^transient - .*answered 401, .*bearer_token_file/)
  expect(await one(unknown, { data: 1, headers: { Authorization: 'Bearer its-own-token' } })).toMatch(/^permanent/)
  const elsewhere = `http://localhost:${new URL(server.url).port}/status/401`
  expect(await one(unknown, { data: 1, url: elsewhere })).toMatch(/^permanent/)
})

test('an answer is shown with its first 500 bytes, without what is secret', async () => {
  const said = await one(await at('picky', { headers: { Authorization: 'Bearer abcdef123' } }), { data: 'poison' })
  expect(said).toMatch(/^permanent - POST http:\/\/127.0.0.1:\d+\/picky: answered 422: poison from /)
  expect(said).not.toMatch(/abcdef123|hunter2/)
  const own = await one(await at('picky'), { data: 'poison', headers: { Authorization: 'Basic ghijkl456' } })
  expect(own).toMatch(/poison from \*\*\*,/)
  expect(said.length).toBeLessThan(600)
})

test.each([
  ['hang', { timeoutMs: 300 }, 'no complete answer within 0.3 s'],
  ['hang', { headersTimeoutMs: 300 }, 'headers_timeout_seconds'],
  ['headers', { bodyTimeoutMs: 300 }, 'body_timeout_seconds'],
])('/%s ends with a time-out that may pass: %j', async (path, over, reason) => {
  const said = await one(await at(path, over))
  expect(said).toMatch(/^transient/)
  expect(said).toContain(reason)
})

test('what the delivery gives up is broken off', async () => {
  const sink = await at('hang')
  const enough = new AbortController()
  const answer = sink.deliver([{ id: 'x', payload: sink.accept({ data: 1 }), assignment }], enough.signal)
  enough.abort(new Error('given up'))
  expect(await answer).toMatchObject([
    { ok: false, kind: 'transient', error: { message: expect.stringContaining('given up') as string } },
  ])
})

test('what still waits for a connection is given up at once, and is not sent later', async () => {
  await using own = await Collector.start()
  const sink = await connected({ url: own.url, payloadUrl: 'path', connections: 1 })
  const [first, second] = [new AbortController(), new AbortController()]
  const send = (path: string, until: AbortSignal): Promise<readonly RecordVerdict[]> =>
    sink.deliver([{ id: path, payload: sink.accept({ data: 1, path }), assignment }], until)
  const hangs = send('/hang', first.signal)
  const waits = send('/unwanted', second.signal)
  second.abort(new Error('given up'))
  expect(await waits).toMatchObject([{ ok: false, error: { message: expect.stringContaining('given up') as string } }])
  first.abort(new Error('given up too'))
  await hangs
  expect(await send('/wanted', signal)).toEqual([{ ok: true }])
  const urls = (await own.received()).requests.map(({ url }) => url)
  expect([urls.includes('/wanted'), urls.includes('/unwanted')]).toEqual([true, false])
})

test('hints that come before an answer are no answer', async () => {
  expect(await one(await at('hints/200'))).toBe('ok')
  expect(await one(await at('hints/503'))).toMatch(/^transient - .*answered 503: late/)
})

test('Retry-After is passed on, and until then nothing more is sent', async () => {
  await using own = await Collector.start()
  const sink = await connected({ url: `${own.url}/throttle/60` })
  expect(await one(sink)).toMatch(/^transient 60000 .*answered 429: slow down/)
  expect(await one(sink)).toMatch(/^transient (5\d{4}|60000)(\.\d+)? .*Retry-After/)
  expect((await own.received()).requests).toHaveLength(1)
  const dated = await connected({ url: `${own.url}/throttle/date/503` })
  expect(await one(dated)).toMatch(/^transient (1\d{3}|2000|\d{1,3}) .*answered 503/)
})

test('requests keep to their rate, and there are never more at once than connections', async () => {
  await using own = await Collector.start()
  const sink = await connected({ url: `${own.url}/slow/30`, rate: { perSecond: 20, burst: 2 }, connections: 3 })
  const began = performance.now()
  const verdicts = await deliver(sink, ...Array.from({ length: 8 }, (_, data) => ({ data })))
  // Two at once, six more at 20 per second; the last one takes 30 ms.
  expect(performance.now() - began).toBeGreaterThanOrEqual(320)
  expect(verdicts.every(({ ok }) => ok)).toBe(true)
  const { most } = await own.received()
  expect(most).toBeLessThanOrEqual(3)
})

test('a redirect is followed only where that is allowed, with its method, and without credentials to another host', async () => {
  await using other = await Collector.start()
  const to = encodeURIComponent(`${other.url}/there`)
  expect(await one(await at(`redirect/307/${to}`))).toMatch(/^permanent .*a redirect to .*\/there.*max_redirects/)
  const headers = { Authorization: 'Bearer abcdef123' }
  expect(await one(await at(`redirect/307/${to}`, { maxRedirects: 2, headers }), { data: 'moved' })).toBe('ok')
  expect(await one(await at(`redirect/302/${to}`, { maxRedirects: 2 }))).toMatch(/^permanent .*302/)
  const twice = `redirect/308/${encodeURIComponent(`${server.url}/redirect/307/${encodeURIComponent(`${server.url}/in`)}`)}`
  expect(await one(await at(twice, { maxRedirects: 1 }))).toMatch(/^permanent .*redirect to .*\/in/)
  expect(await one(await at(twice, { maxRedirects: 2 }))).toBe('ok')
  const [request] = Object.values((await other.received()).kept)
  expect(request).toMatchObject({ method: 'POST', url: '/there', body: '"moved"' })
  expect(request?.headers).not.toHaveProperty('authorization')
  expect(request?.headers).toHaveProperty('idempotency-key')
})

test.each([
  ['169.254.169.254', 'link-local'],
  ['[fd00:ec2::254]', 'link-local'],
  ['[::ffff:169.254.169.254]', 'link-local'],
  ['[::1]', 'refuse_loopback'],
])('a redirect to %s is refused for good, before any connection', async (host, reason) => {
  const to = encodeURIComponent(`http://${host}/latest/meta-data`)
  const addresses = { refusePrivate: false, refuseLoopback: false }
  const sink = await at(`redirect/307/${to}`, { maxRedirects: 3, addresses })
  // The server itself is on loopback: what is refused there is asked of a sink of its own.
  if (reason === 'refuse_loopback') {
    await expect(at('x', { addresses: { ...addresses, refuseLoopback: true } })).rejects.toThrow('refuse_loopback')
    return
  }
  expect(await one(sink)).toMatch(new RegExp(`^permanent - .*redirected: .*${reason}`))
})

test('a name is judged by what it resolves to at each connection, so rebinding does not help', async () => {
  let address = '127.0.0.1'
  const lookup = ((_host, given, done) => {
    if (given.all === true) done(null, [{ address, family: 4 }])
    else done(null, address, 4)
  }) as LookupFunction
  const url = `http://service.test:${server.port}/reset`
  const sink = await connected({ url, lookup })
  address = '169.254.169.254'
  expect(await one(sink)).toMatch(/^transient - .*service.test resolves to 169.254.169.254, which is link-local/)
  await expect(connected({ url, lookup })).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' })
  address = '10.1.2.3'
  const addresses = { refusePrivate: true, refuseLoopback: false }
  await expect(connected({ url, lookup, addresses })).rejects.toThrow('refuse_private')
})

test('one bad record of a batch is found, and the others are taken', async () => {
  await using own = await Collector.start()
  const sink = await connected({ url: `${own.url}/picky`, batchFormat: 'envelope' })
  const payloads = Array.from({ length: 20 }, (_, n) => ({ data: n === 13 ? 'poison' : n }))
  const verdicts = await deliver(sink, ...payloads)
  expect(verdicts.map((verdict) => (verdict.ok ? 'ok' : verdict.kind))).toEqual(
    payloads.map((_, n) => (n === 13 ? 'permanent' : 'ok')),
  )
  const { kept, requests } = await own.received()
  const bodies = Object.values(kept).flatMap(({ body }) => JSON.parse(body) as { id: string; data: number }[])
  expect(bodies.map(({ data }) => data).sort((a, b) => a - b)).toEqual(
    payloads.flatMap(({ data }) => (typeof data === 'number' ? [data] : [])),
  )
  expect(new Set(bodies.map(({ id }) => id)).size).toBe(19)
  expect(requests.length).toBeLessThan(12)
})

test('a batch whose sending fails is answered as a whole', async () => {
  const verdicts = await deliver(await at('status/500', { batchFormat: 'array' }), { data: 1 }, { data: 2 })
  expect(verdicts.map((verdict) => !verdict.ok && verdict.kind)).toEqual(['transient', 'transient'])
  expect(() => createHttpSink(options({ batchFormat: 'array' })).accept({ data: 1, headers: {} })).toThrow(
    'batch_format',
  )
})

test('a start without the service fails with the reason and what to do, or waits for it where that is asked', async () => {
  const gone = await Collector.start()
  await gone.stop()
  const url = `http://bob:hunter2@127.0.0.1:${gone.port}/x?token=hunter3`
  const failed = (await connected({ url }).catch((error: unknown) => error)) as Error & { advice: string }
  expect(failed).toMatchObject({ code: 'SINK_UNAVAILABLE' })
  expect(failed.message).toMatch(/^sinks.http.out.url: http:\/\/127.0.0.1:\d+\/x cannot be reached: .*ECONNREFUSED/)
  expect(failed.message + failed.advice).not.toContain('hunter')
  expect(failed.advice).toContain('check_at_start')
  const sink = await connected({ url, checkAtStart: false })
  expect(await one(sink)).toMatch(/^transient - .*ECONNREFUSED/)
  await using back = await Collector.start(gone.port)
  expect(await one(sink)).toBe('ok')
  expect(Object.keys((await back.received()).kept)).toHaveLength(1)
})

test('certificates: an authority that is not known, another name, and those of clients', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-tls-'))
  try {
    const own = await certificate(folder, 'own', 'IP:127.0.0.1')
    const other = await certificate(folder, 'other', 'DNS:other.test')
    await using right = await Collector.start(0, own)
    await using wrong = await Collector.start(0, [...other])
    await using strict = await Collector.start(0, [...own, other[1] as string])
    const to = (port: number, tls: object = {}): Promise<Sink<HttpRecord>> =>
      connected({ url: `https://127.0.0.1:${port}/in`, tls: { ...NO_TLS, ...tls } })
    await expect(to(right.port)).rejects.toThrow(/tls\.ca_file/)
    const caFile = own[1] as string
    expect(await one(await to(right.port, { caFile }))).toBe('ok')
    await expect(to(wrong.port, { caFile: other[1] })).rejects.toThrow(
      /the certificate is for another name: .*tls\.server_name/,
    )
    expect(await one(await to(wrong.port, { caFile: other[1], serverName: 'other.test' }))).toBe('ok')
    expect(await one(await to(wrong.port, { verify: false }))).toBe('ok')
    expect(await one(await to(strict.port, { caFile }))).toMatch(/^transient/)
    expect(await one(await to(strict.port, { caFile, certFile: other[1], keyFile: other[0] }))).toBe('ok')
    await expect(connected({ url: `https://127.0.0.1:${server.port}/` })).rejects.toThrow('speaks no TLS')
    await expect(to(right.port, { caFile: join(folder, 'none') })).rejects.toThrow('sinks.http.out.tls.ca_file')
  } finally {
    await rm(folder, { recursive: true })
  }
})

async function certificate(folder: string, name: string, subject: string): Promise<readonly string[]> {
  const [key, cert, config] = ['key', 'cert', 'cnf'].map((end) => join(folder, `${name}.${end}`)) as [
    string,
    string,
    string,
  ]
  await writeFile(
    config,
    `[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=${name}\n[ext]\nsubjectAltName=${subject}\n`,
  )
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  await promisify(execFile)('openssl', [...args, '-keyout', key, '-out', cert, '-config', config])
  return [key, cert]
}
