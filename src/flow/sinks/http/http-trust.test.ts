// Whom the sink trusts with its credentials and with connections, and whom it does not.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { LookupFunction } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { Collector } from '../../../../test/support/collector.ts'
import { deliverOneHttp, httpBench, lastId, NO_TLS } from '../../../../test/support/http-sink-kit.ts'
import { virtualClock } from '../../../testing/virtual-clock.ts'
import type { Sink } from '../sink.ts'
import type { HttpRecord } from './http-record.ts'

const bench = httpBench()
const { connected, at } = bench

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
    expect(await deliverOneHttp(sink, payload)).toBe('ok')
    const { kept } = await own.received()
    return kept[lastId()]?.headers['authorization']
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

test('credentials of the sink that are not right are no fault of a record; its own ones are', async () => {
  const unknown = await at('status/401', { payloadUrl: 'url', allowedHosts: ['localhost'] })
  expect(await deliverOneHttp(unknown)).toMatch(/^transient - .*answered 401, .*bearer_token_file/)
  expect(await deliverOneHttp(unknown, { data: 1, headers: { Authorization: 'Bearer its-own-token' } })).toMatch(
    /^permanent/,
  )
  const elsewhere = `http://localhost:${new URL(bench.server.url).port}/status/401`
  expect(await deliverOneHttp(unknown, { data: 1, url: elsewhere })).toMatch(/^permanent/)
})

test('a redirect is followed only where that is allowed, with its method, and without credentials to another host', async () => {
  await using other = await Collector.start()
  const to = encodeURIComponent(`${other.url}/there`)
  expect(await deliverOneHttp(await at(`redirect/307/${to}`))).toMatch(
    /^permanent .*a redirect to .*\/there.*max_redirects/,
  )
  const headers = { Authorization: 'Bearer abcdef123' }
  expect(await deliverOneHttp(await at(`redirect/307/${to}`, { maxRedirects: 2, headers }), { data: 'moved' })).toBe(
    'ok',
  )
  expect(await deliverOneHttp(await at(`redirect/302/${to}`, { maxRedirects: 2 }))).toMatch(/^permanent .*302/)
  const twice = `redirect/308/${encodeURIComponent(`${bench.server.url}/redirect/307/${encodeURIComponent(`${bench.server.url}/in`)}`)}`
  expect(await deliverOneHttp(await at(twice, { maxRedirects: 1 }))).toMatch(/^permanent .*redirect to .*\/in/)
  expect(await deliverOneHttp(await at(twice, { maxRedirects: 2 }))).toBe('ok')
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
  expect(await deliverOneHttp(sink)).toMatch(new RegExp(`^permanent - .*redirected: .*${reason}`))
})

test('a name is judged by what it resolves to at each connection, so rebinding does not help', async () => {
  let address = '127.0.0.1'
  const lookup = ((_host, given, done) => {
    if (given.all === true) done(null, [{ address, family: 4 }])
    else done(null, address, 4)
  }) as LookupFunction
  const url = `http://service.test:${bench.server.port}/reset`
  const sink = await connected({ url, lookup })
  address = '169.254.169.254'
  expect(await deliverOneHttp(sink)).toMatch(
    /^transient - .*service.test resolves to 169.254.169.254, which is link-local/,
  )
  await expect(connected({ url, lookup })).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' })
  address = '10.1.2.3'
  const addresses = { refusePrivate: true, refuseLoopback: false }
  await expect(connected({ url, lookup, addresses })).rejects.toThrow('refuse_private')
})

test('certificates: an authority that is not known, another name, and those of clients', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-tls-'))
  try {
    const own = await certificate(folder, 'own', 'IP:127.0.0.1')
    const other = await certificate(folder, 'other', 'DNS:other.test')
    await using right = await Collector.start(undefined, own)
    await using wrong = await Collector.start(undefined, [...other])
    await using strict = await Collector.start(undefined, [...own, other[1] as string])
    const to = (port: number, tls: object = {}): Promise<Sink<HttpRecord>> =>
      connected({ url: `https://127.0.0.1:${port}/in`, tls: { ...NO_TLS, ...tls } })
    await expect(to(right.port)).rejects.toThrow(/tls\.ca_file/)
    const caFile = own[1] as string
    expect(await deliverOneHttp(await to(right.port, { caFile }))).toBe('ok')
    await expect(to(wrong.port, { caFile: other[1] })).rejects.toThrow(
      /the certificate is for another name: .*tls\.server_name/,
    )
    expect(await deliverOneHttp(await to(wrong.port, { caFile: other[1], serverName: 'other.test' }))).toBe('ok')
    expect(await deliverOneHttp(await to(wrong.port, { verify: false }))).toBe('ok')
    expect(await deliverOneHttp(await to(strict.port, { caFile }))).toMatch(/^transient/)
    expect(await deliverOneHttp(await to(strict.port, { caFile, certFile: other[1], keyFile: other[0] }))).toBe('ok')
    await expect(connected({ url: `https://127.0.0.1:${bench.server.port}/` })).rejects.toThrow('speaks no TLS')
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
