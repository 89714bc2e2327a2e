import { expect, test } from 'vitest'
import { Collector } from '../../../../test/support/collector.ts'
import {
  assignment,
  deliverHttp,
  deliverOneHttp,
  httpBench,
  httpOptions,
  lastId,
  signal,
} from '../../../../test/support/http-sink-kit.ts'
import { sinkContract } from '../../../testing/index.ts'
import type { RecordVerdict } from '../sink.ts'
import { createHttpSink } from './http-sink.ts'

const bench = httpBench()
const { connected, at } = bench

sinkContract(test, 'http sink', async () => {
  const own = await Collector.start()
  return {
    sink: createHttpSink(httpOptions({ url: `${own.url}/picky`, connections: 1 })),
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

test('a request carries method, headers, body and key', async () => {
  await using own = await Collector.start()
  const sink = await connected({
    url: `http://bob:p%40ss@127.0.0.1:${own.port}/base?x=1`,
    method: 'PUT',
    headers: { 'X-Team': 'blue' },
    payloadUrl: 'path',
  })
  expect(
    await deliverOneHttp(sink, {
      data: { a: 'ø' },
      path: 'b/c d',
      query: { y: [1, true], z: null },
      headers: { 'X-Own': 'v' },
    }),
  ).toBe('ok')
  const [[key, request] = ['', null]] = Object.entries((await own.received()).kept)
  expect(key).toBe(lastId())
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
  const said = await deliverOneHttp(await at(path))
  expect(said.slice(0, expected.length)).toBe(expected)
  expect(said.length).toBeLessThan(800)
})

test('an answer is shown with its first 500 bytes, without what is secret', async () => {
  const said = await deliverOneHttp(await at('picky', { headers: { Authorization: 'Bearer abcdef123' } }), {
    data: 'poison',
  })
  expect(said).toMatch(/^permanent - POST http:\/\/127.0.0.1:\d+\/picky: answered 422: poison from /)
  expect(said).not.toMatch(/abcdef123|hunter2/)
  const own = await deliverOneHttp(await at('picky'), { data: 'poison', headers: { Authorization: 'Basic ghijkl456' } })
  expect(own).toMatch(/poison from \*\*\*,/)
  expect(said.length).toBeLessThan(600)
})

test.each([
  ['hang', { timeoutMs: 300 }, 'no complete answer within 0.3 s'],
  ['hang', { headersTimeoutMs: 300 }, 'headers_timeout_seconds'],
  ['headers', { bodyTimeoutMs: 300 }, 'body_timeout_seconds'],
])('/%s ends with a time-out that may pass: %j', async (path, over, reason) => {
  const said = await deliverOneHttp(await at(path, over))
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
  expect(await deliverOneHttp(await at('hints/200'))).toBe('ok')
  expect(await deliverOneHttp(await at('hints/503'))).toMatch(/^transient - .*answered 503: late/)
})

test('Retry-After is passed on, and until then nothing more is sent', async () => {
  await using own = await Collector.start()
  const sink = await connected({ url: `${own.url}/throttle/60` })
  expect(await deliverOneHttp(sink)).toMatch(/^transient 60000 .*answered 429: slow down/)
  expect(await deliverOneHttp(sink)).toMatch(/^transient (5\d{4}|60000)(\.\d+)? .*Retry-After/)
  expect((await own.received()).requests).toHaveLength(1)
  const dated = await connected({ url: `${own.url}/throttle/date/503` })
  expect(await deliverOneHttp(dated)).toMatch(/^transient (1\d{3}|2000|\d{1,3}) .*answered 503/)
})

test('requests keep to their rate, and there are never more at once than connections', async () => {
  await using own = await Collector.start()
  const sink = await connected({ url: `${own.url}/slow/30`, rate: { perSecond: 20, burst: 2 }, connections: 3 })
  const began = performance.now()
  const verdicts = await deliverHttp(sink, ...Array.from({ length: 8 }, (_, data) => ({ data })))
  // Two at once, six more at 20 per second; the last one takes 30 ms.
  expect(performance.now() - began).toBeGreaterThanOrEqual(320)
  expect(verdicts.every(({ ok }) => ok)).toBe(true)
  const { most } = await own.received()
  expect(most).toBeLessThanOrEqual(3)
})

test('one bad record of a batch is found, and the others are taken', async () => {
  await using own = await Collector.start()
  const sink = await connected({ url: `${own.url}/picky`, batchFormat: 'envelope' })
  const payloads = Array.from({ length: 20 }, (_, n) => ({ data: n === 13 ? 'poison' : n }))
  const verdicts = await deliverHttp(sink, ...payloads)
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
  const verdicts = await deliverHttp(await at('status/500', { batchFormat: 'array' }), { data: 1 }, { data: 2 })
  expect(verdicts.map((verdict) => !verdict.ok && verdict.kind)).toEqual(['transient', 'transient'])
  expect(() =>
    createHttpSink(httpOptions({ url: bench.server.url, batchFormat: 'array' })).accept({ data: 1, headers: {} }),
  ).toThrow('batch_format')
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
  expect(await deliverOneHttp(sink)).toMatch(/^transient - .*ECONNREFUSED/)
  await using back = await Collector.start(gone.port)
  expect(await deliverOneHttp(sink)).toBe('ok')
  expect(Object.keys((await back.received()).kept)).toHaveLength(1)
})
