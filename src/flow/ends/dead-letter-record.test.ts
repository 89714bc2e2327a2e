import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Death, Header, RawMessage } from '../../model/index.ts'
import { boundedText } from './bounded-text.ts'
import { DEAD_LETTER_PREFIX, deadLetterRecord } from './dead-letter-record.ts'
import type { DeadLetter } from './ends.ts'

const meta = { topic: 'jobs_dlq', worker: 'w-1', at: Date.UTC(2026, 0, 2, 3, 4, 5, 678) }
const death: Death = { stage: 'task', reason: 'exit code 3' }

function letter(message: Partial<RawMessage>, deaths: readonly Death[] = [death]): DeadLetter {
  const whole = {
    topic: 'jobs',
    partition: 4,
    offset: 77,
    key: null,
    value: null,
    timestamp: null,
    headers: [],
    ...message,
  }
  return { assignment: { topic: 'jobs', partition: 4, epoch: 9, owner: 2 }, message: whole, deaths }
}

const shown = (headers: readonly Header[]): string[] => headers.map(([name, value]) => `${name}: ${value?.toString()}`)
const added = (headers: readonly Header[], name: string): Buffer | null | undefined =>
  headers.findLast(([other]) => other === DEAD_LETTER_PREFIX + name)?.[1]

test('golden: a letter with everything', () => {
  const record = deadLetterRecord(
    letter(
      {
        key: Buffer.from('k'),
        value: Buffer.from('v'),
        timestamp: 1700000000000,
        headers: [
          ['h', Buffer.from('1')],
          ['n', null],
        ],
      },
      [
        {
          stage: 'task',
          reason: 'exit code 3',
          taskId: 'jobs:4:77:0',
          verdict: 'exit',
          exitCode: 3,
          signal: null,
          stderrTail: Buffer.from('boom'),
          attempts: 4,
        },
        { stage: 'delivery', reason: 'refused by http://user:secret@host/x', sink: 'kafka:output' },
      ],
    ),
    meta,
  )
  expect({ ...record, headers: shown(record.headers) }).toEqual({
    topic: 'jobs_dlq',
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: [
      'h: 1',
      'n: undefined',
      'drakkar-dl-stage: task',
      'drakkar-dl-reason: exit code 3',
      'drakkar-dl-verdict: exit',
      'drakkar-dl-exit-code: 3',
      'drakkar-dl-stderr-tail: boom',
      'drakkar-dl-attempts: 4',
      'drakkar-dl-task-id: jobs:4:77:0',
      'drakkar-dl-deaths: [{"stage":"task","reason":"exit code 3","taskId":"jobs:4:77:0","verdict":"exit","exitCode":3,"signal":null,"attempts":4},{"stage":"delivery","reason":"refused by http://***@host/x","sink":"kafka:output"}]',
      'drakkar-dl-topic: jobs',
      'drakkar-dl-partition: 4',
      'drakkar-dl-offset: 77',
      'drakkar-dl-timestamp: 1700000000000',
      'drakkar-dl-worker: w-1',
      'drakkar-dl-at: 2026-01-02T03:04:05.678Z',
      'drakkar-dl-count: 1',
      'drakkar-dl-null-headers: [1]',
    ],
  })
})

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array))
const orNull = fc.option(bytes)
const name = fc.oneof(
  fc.string(),
  fc.constantFrom('h', 'drakkar-id', 'drakkar-dl', 'drakkar-dl-reason', 'drakkar-dl-x'),
)
const headers = fc.array(fc.tuple(name, orNull), { maxLength: 12 })
const deaths = fc.array(
  fc.record(
    {
      stage: fc.constantFrom('task' as const, 'parse' as const, 'delivery' as const),
      reason: fc.string({ unit: 'binary', maxLength: 3000 }),
      taskId: fc.string({ maxLength: 3000 }),
      exitCode: fc.option(fc.nat(255)),
      stderrTail: fc.uint8Array({ maxLength: 6000 }).map((array) => Buffer.from(array)),
    },
    { requiredKeys: ['stage', 'reason'] },
  ),
  { minLength: 1, maxLength: 60 },
)

test('key, value and headers are the source’s, byte for byte, with repeats, order and nulls', () => {
  fc.assert(
    fc.property(orNull, orNull, headers, deaths, (key, value, given, died) => {
      const record = deadLetterRecord(letter({ key, value, headers: given }, died), meta)
      const own = given.filter(([header]) => !header.startsWith(DEAD_LETTER_PREFIX))
      expect(record.key).toEqual(key)
      expect(record.value).toEqual(value)
      expect(record.headers.slice(0, own.length)).toEqual(own)
      expect(record.headers.slice(own.length).every(([header]) => header.startsWith(DEAD_LETTER_PREFIX))).toBe(true)
      const nulls = own.flatMap(([, bytesOrNull], index) => (bytesOrNull === null ? [index] : []))
      if (nulls.length > 0) expect(JSON.parse(String(added(record.headers, 'null-headers')))).toEqual(nulls)
    }),
  )
})

test('what a letter adds is bounded, however much there is to say, and is whole UTF-8 and JSON', () => {
  fc.assert(
    fc.property(deaths, (died) => {
      const record = deadLetterRecord(letter({}, died), meta)
      const size = record.headers.reduce((sum, [header, value]) => sum + header.length + (value?.length ?? 0), 0)
      expect(size).toBeLessThan(20 * 1024)
      expect(added(record.headers, 'reason')?.length).toBeLessThanOrEqual(1024)
      const tail = added(record.headers, 'stderr-tail')
      if (tail) expect(died[0]?.stderrTail?.subarray(-4096)).toEqual(tail)
      const list = added(record.headers, 'deaths')
      if (!list) return
      expect(list.length).toBeLessThanOrEqual(8192)
      const entries = JSON.parse(list.toString()) as { omitted?: number }[]
      const omitted = entries.at(-1)?.omitted
      expect(omitted === undefined ? entries.length : entries.length - 1 + omitted).toBe(died.length)
    }),
  )
})

test('a message that is put back and dies again and again does not grow without bound; its deaths are counted', () => {
  let given: readonly Header[] = [['own', Buffer.from('x')]]
  const reason = 'r'.repeat(1000)
  for (let n = 1; n <= 60; n += 1) {
    const record = deadLetterRecord(letter({ headers: given }, [{ stage: 'task', reason: `${n} ${reason}` }]), meta)
    given = record.headers
    expect(String(added(given, 'count'))).toBe(String(n))
    expect(String(added(given, 'reason'))).toMatch(new RegExp(`^${n} `))
    expect(given.filter(([header]) => header === 'drakkar-dl-count')).toHaveLength(1)
  }
  expect(given[0]).toEqual(['own', Buffer.from('x')])
  const size = given.reduce((sum, [header, value]) => sum + header.length + (value?.length ?? 0), 0)
  expect(size).toBeLessThan(20 * 1024)
  const reasons = given
    .filter(([header]) => header === 'drakkar-dl-reason')
    .map(([, value]) => parseInt(String(value), 10))
  expect(reasons.length).toBeGreaterThan(5)
  expect(reasons).toEqual(Array.from({ length: reasons.length }, (_, index) => 61 - reasons.length + index))
})

test('a count that is no number begins anew', () => {
  for (const count of ['x', '', '-1', '9'.repeat(20)]) {
    const given = deadLetterRecord(letter({ headers: [['drakkar-dl-count', Buffer.from(count)]] }), meta).headers
    expect(String(added(given, 'count'))).toBe('1')
  }
})

test('text is cut between characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 3, max: 40 }), (text, max) => {
      const cut = boundedText(text, max)
      const whole = Buffer.from(text).toString()
      expect(cut.length).toBeLessThanOrEqual(max)
      expect(Buffer.from(cut.toString())).toEqual(cut)
      if (Buffer.byteLength(text) <= max) expect(cut.toString()).toBe(whole)
      else expect(whole.startsWith(cut.toString().slice(0, -1)) && cut.toString().endsWith('…')).toBe(true)
    }),
  )
})
