import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headerProblem, refusedAddress } from '../../../lib/index.ts'
import { answerKind, retryAfter } from './answer.ts'
import { encode } from './encode.ts'
import { Gate } from './gate.ts'
import { idempotencyKey, payloadHeaders } from './headers.ts'
import { redirectOf } from './redirect.ts'
import { type TargetRules, targetOf, withoutCredentials } from './target.ts'
import { type Bucket, fullBucket, takeToken } from './token-bucket.ts'

describe('rate limit', () => {
  test('in no span of time go out more requests than the rate and the burst allow', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 })
    fc.assert(
      fc.property(waits, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 10 }), (gaps, perSecond, burst) => {
        const limit = { perSecond, burst }
        let bucket: Bucket = fullBucket(0, limit)
        let now = 0
        const sent: number[] = []
        for (const gap of gaps) {
          now += gap
          const taken = takeToken(bucket, now, limit)
          bucket = taken.bucket
          sent.push(now + taken.waitMs)
        }
        sent.forEach((from, first) => {
          sent.slice(first).forEach((to, index) => {
            expect(to).toBeGreaterThanOrEqual(from)
            expect(index + 1).toBeLessThanOrEqual(burst + ((to - from + 2) * perSecond) / 1000 + 1e-6)
          })
        })
      }),
    )
  })

  test('a quiet time that the host asked for only grows, and is of that host alone', () => {
    const gate = new Gate({ perSecond: 10, burst: 1 })
    gate.quiet('a', 0, 1000)
    gate.quiet('a', 0, 500)
    expect([gate.enter('a', 400), gate.enter('b', 400), gate.enter('b', 400)]).toEqual([600, 0, 100])
    expect(gate.quietFor('a', 1000)).toBe(0)
  })
})

describe('addresses', () => {
  const open = { refusePrivate: false, refuseLoopback: false }
  const shut = { refusePrivate: true, refuseLoopback: true }
  test.each([
    '169.254.169.254',
    '169.254.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'fd00:ec2::254',
    'fd00:0ec2:0:0:0:0:0:0254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '::169.254.169.254',
    '64:ff9b::169.254.169.254',
    '2002:a9fe:a9fe::1',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
  ])('%s is always refused', (address) => {
    expect(refusedAddress(address, open)).toContain('link-local')
  })

  test.each(['10.0.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fc00::1', 'fd12::1', '::ffff:10.0.0.1'])(
    '%s is refused where private ones are',
    (address) => {
      expect([refusedAddress(address, open), refusedAddress(address, shut)]).toEqual([
        null,
        'is private (refuse_private)',
      ])
    },
  )

  test.each(['127.0.0.1', '127.9.9.9', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', '::ffff:7f00:1'])(
    '%s is refused where this machine is',
    (address) => {
      expect(refusedAddress(address, open)).toBeNull()
      expect(refusedAddress(address, shut)).toContain('refuse_loopback')
    },
  )

  test.each(['8.8.8.8', '172.32.0.1', '169.253.1.1', '2606:4700::1', '::ffff:8.8.8.8'])('%s is not', (address) => {
    expect(refusedAddress(address, shut)).toBeNull()
  })
})

describe('answers', () => {
  test('what they mean', () => {
    const kinds = [199, 200, 299, 300, 399, 400, 408, 410, 425, 429, 499, 500, 599].map((status) =>
      answerKind(status, false),
    )
    const [no, yes, maybe] = ['permanent', 'ok', 'transient']
    expect([401, 403, 407].map((status) => answerKind(status, false))).toEqual([no, no, no])
    expect([401, 403, 407].map((status) => answerKind(status, true))).toEqual([maybe, no, maybe])
    expect(kinds).toEqual([no, yes, yes, no, no, no, maybe, no, maybe, maybe, no, maybe, maybe])
  })

  test('Retry-After in seconds, as a date, in the past, for ever, and nonsense', () => {
    const now = Date.parse('Wed, 21 Oct 2015 07:28:00 GMT')
    expect(retryAfter('2', now)).toBe(2000)
    expect(retryAfter(' 0 ', now)).toBe(0)
    expect(retryAfter('Wed, 21 Oct 2015 07:28:30 GMT', now)).toBe(30_000)
    expect(retryAfter('Wed, 21 Oct 2015 07:27:00 GMT', now)).toBe(0)
    expect(retryAfter('Wed, 21 Oct 2099 07:28:00 GMT', now)).toBe(300_000)
    expect(retryAfter('99999999999999999999', now)).toBe(300_000)
    expect([retryAfter('soon', now), retryAfter('', now), retryAfter(undefined, now)]).toEqual([null, null, null])
  })

  test('only 307 and 308 lead on, and never out of TLS', () => {
    const from = new URL('https://a/x')
    const to = (status: number, location: string | undefined): string | undefined =>
      redirectOf({ status, location, retryAfter: undefined, text: '' }, from)?.href
    expect([to(307, '/y'), to(308, 'https://u:p@b/#z')]).toEqual(['https://a/y', 'https://b/'])
    for (const location of ['http://a/x', 'file:///etc/passwd', 'http://', undefined]) {
      expect(to(307, location)).toBeUndefined()
    }
    for (const status of [200, 301, 302, 303, 304]) expect(to(status, '/y')).toBeUndefined()
  })
})

describe('bodies', () => {
  const text = (data: unknown, encoding: 'json' | 'form' | 'multipart' | 'raw'): string =>
    encode(data, encoding).bytes.toString()

  test('of every encoding are the same for the same data', () => {
    const data = { b: 'x&y', a: 1, n: null, d: new Date(0), o: { k: [1] }, u: undefined, t: true }
    expect(text(data, 'form')).toBe(
      'a=1&b=x%26y&d=1970-01-01T00%3A00%3A00.000Z&n=null&o=%7B%22k%22%3A%5B1%5D%7D&t=true',
    )
    expect(text(data, 'json')).toBe(JSON.stringify(data))
    expect(text('ø', 'raw')).toBe('ø')
    expect(encode(Buffer.of(0, 255), 'raw')).toEqual({
      bytes: Buffer.of(0, 255),
      contentType: 'application/octet-stream',
    })
    const { bytes, contentType } = encode({ 'a"\n': 'x', f: Uint8Array.of(1, 2) }, 'multipart')
    const boundary = contentType.replace('multipart/form-data; boundary=', '')
    expect(bytes.toString('latin1')).toBe(
      `--${boundary}\r\nContent-Disposition: form-data; name="a%22%0A"\r\n\r\nx\r\n--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\nContent-Type: application/octet-stream\r\n\r\n\u0001\u0002\r\n--${boundary}--\r\n`,
    )
    expect(encode({ f: Uint8Array.of(1, 2), 'a"\n': 'x' }, 'multipart').contentType).toBe(contentType)
  })

  test('that a browser would read are read as what was given', async () => {
    const { bytes, contentType } = encode({ a: 'ø', f: Uint8Array.of(0, 255) }, 'multipart')
    const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': contentType } }).formData()
    expect(form.get('a')).toBe('ø')
    expect(Buffer.from(await (form.get('f') as File).arrayBuffer())).toEqual(Buffer.of(0, 255))
  })

  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  test.each([
    [1n, 'json', 'cannot become JSON'],
    [Number.NaN, 'json', 'NaN'],
    [cycle, 'json', 'circular'],
    [() => 1, 'json', 'function'],
    [Buffer.of(1), 'json', 'encoding: raw'],
    [[1], 'form', 'a list'],
    ['x', 'form', 'of type string'],
    [{ a: Buffer.of(1) }, 'form', 'data.a'],
    [{ a: 1n }, 'form', 'data.a'],
    [{ a: Number.POSITIVE_INFINITY }, 'multipart', 'Infinity'],
    [{ a: 1 }, 'raw', 'string or bytes'],
  ] as const)('%s as %s is refused', (data, encoding, reason) => {
    expect(() => encode(data, encoding)).toThrow(reason)
  })
})

describe('where a payload may go', () => {
  const rules = (payloadUrl: TargetRules['payloadUrl'], ...allowedHosts: string[]): TargetRules => ({
    base: new URL('https://api.test/v1/?k=1'),
    payloadUrl,
    allowedHosts,
  })

  test('below the instance, or to an allowed host', () => {
    expect(targetOf({}, rules('none')).href).toBe('https://api.test/v1/?k=1')
    expect(targetOf({ path: '/a b/ø', query: { q: ['1', '&'] } }, rules('path')).href).toBe(
      'https://api.test/v1/a%20b/%C3%B8?k=1&q=1&q=%26',
    )
    expect(targetOf({ path: '//evil.test/x' }, rules('path')).href).toBe('https://api.test/v1/evil.test/x?k=1')
    expect(targetOf({ url: 'https://api.test/z#f' }, rules('url')).href).toBe('https://api.test/z')
    expect(targetOf({ url: 'http://b.sub.test:81/' }, rules('url', '*.sub.test')).href).toBe('http://b.sub.test:81/')
    expect(targetOf({ url: 'http://c.test:81/' }, rules('url', 'c.test:81')).href).toBe('http://c.test:81/')
  })

  test.each([
    [{ path: 'x' }, rules('none'), 'payload_url: path'],
    [{ query: {} }, rules('none'), 'payload_url: path'],
    [{ url: 'https://api.test/' }, rules('path'), 'payload_url: url'],
    [{ url: 'https://other.test/' }, rules('url'), 'allowed_hosts: api.test'],
    [{ url: 'https://evilsub.test/' }, rules('url', '*.sub.test'), 'allowed_hosts'],
    [{ url: 'https://c.test:82/' }, rules('url', 'c.test:81'), 'allowed_hosts'],
    [{ url: 'https://u:hunter2@api.test/' }, rules('url'), 'must not hold credentials'],
    [{ url: 'file:///etc/passwd' }, rules('url'), 'http:// or https://'],
    [{ url: 'https://api.test/', path: 'x' }, rules('url'), 'exclude each other'],
    [{ path: '../x' }, rules('path'), '. or ..'],
    [{ path: 'a/%2e%2E/x' }, rules('path'), '. or ..'],
    [{ path: 'a%2f..%2fx' }, rules('path'), '. or ..'],
    [{ path: 'a\\..\\x' }, rules('path'), 'must not have'],
    [{ path: 'a?b' }, rules('path'), 'must not have'],
    [{ path: 7 }, rules('path'), 'a string'],
    [{ query: { a: {} } }, rules('path'), 'query.a'],
  ])('%j is refused', (fields, given, reason) => {
    expect(() => targetOf(fields, given)).toThrow(reason)
    expect(() => targetOf(fields, given)).not.toThrow('hunter2')
  })

  test('credentials of an address become a header', () => {
    const { url, authorization } = withoutCredentials('https://bob:a%3Ab@h/x')
    expect([url.href, authorization]).toEqual(['https://h/x', 'Basic Ym9iOmE6Yg=='])
  })
})

describe('headers', () => {
  test('of a payload are lower case, and what the sink sets itself is refused', () => {
    expect(payloadHeaders({ 'X-A': 'b', c: undefined }, [])).toEqual({ 'x-a': 'b' })
    for (const name of [
      'Host',
      'Content-Length',
      'content-type',
      'Transfer-Encoding',
      'proxy-authorization',
      'a b',
      '',
    ]) {
      expect(headerProblem(name, 'x')).not.toBeNull()
    }
    expect(() => payloadHeaders({ a: 'secret\r\nx: y' }, [])).toThrow('characters')
    expect(() => payloadHeaders({ a: 'secret\r\nx: y' }, [])).not.toThrow('secret')
    expect(() => payloadHeaders({ 'Idempotency-Key': 'x' }, ['idempotency-key'])).toThrow('set by the sink')
    expect(() => payloadHeaders({ a: 1 }, [])).toThrow('must be a string, not 1')
  })

  test('ids become keys that a header can hold, different ones for different ids', () => {
    expect(idempotencyKey('jobs:0:7:0/http:out/0')).toBe('jobs:0:7:0/http:out/0')
    const ids = fc.array(fc.string({ unit: 'grapheme', maxLength: 80 }), { minLength: 2, maxLength: 2 })
    fc.assert(
      fc.property(ids, ([a = '', b = '']) => {
        expect(idempotencyKey(a)).toMatch(/^[\x21-\x7e]{0,255}$/)
        expect(idempotencyKey(a) === idempotencyKey(b)).toBe(a.toWellFormed() === b.toWellFormed())
      }),
    )
    expect(idempotencyKey('x'.repeat(256))).toMatch(/^sha256-/)
  })
})
