import { expect, test } from 'vitest'
import type { SinkRecord } from '../sink.ts'
import { mongoErrorKind, shownError } from './mongo-error.ts'
import type { BulkResult } from './mongo-link.ts'
import { createMongoSink } from './mongo-sink.ts'
import type { BulkOperation } from './mongo-write.ts'

const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
const { signal } = new AbortController()

/** What a server answers, for answers that the server of the tests cannot give; operations carry their text in `x`. */
function scripted(answer: (texts: readonly string[], call: number) => Partial<BulkResult>): {
  readonly calls: string[][]
  run(...texts: readonly string[]): Promise<readonly string[]>
} {
  const calls: string[][] = []
  const sink = createMongoSink({
    name: 'main',
    link: {
      connect: async () => undefined,
      close: async () => undefined,
      present: async () => new Set(),
      write: async (_collection, operations) => {
        const texts = operations.map(textOf)
        calls.push(texts)
        return { failed: new Map(), error: null, untriedFrom: texts.length, ...answer(texts, calls.length) }
      },
    },
  })
  const record = (text: string): SinkRecord<never> => {
    const payload = {
      op: text.startsWith('u') ? 'upsert' : 'update_one',
      collection: 'c',
      filter: { k: 1 },
      data: { x: text },
    }
    return { id: text, payload: sink.accept(payload) as never, assignment }
  }
  return {
    calls,
    run: async (...texts) => {
      const verdicts = await sink.deliver(texts.map(record), signal)
      return verdicts.map((verdict) => (verdict.ok ? 'ok' : verdict.kind))
    },
  }
}

function textOf(operation: BulkOperation): string {
  if (!('updateOne' in operation)) return ''
  const { update } = operation.updateOne
  return Array.isArray(update) ? '' : String((update['$set'] as { x: unknown }).x)
}

test('what failed as a whole for one operation’s fault is halved until it is found', async () => {
  const server = scripted((texts) =>
    texts.includes('bad') ? { error: { code: 2, errmsg: 'BadValue' }, untriedFrom: 0 } : {},
  )
  expect(await server.run('a', 'b', 'bad', 'c', 'd')).toEqual(['ok', 'ok', 'permanent', 'ok', 'ok'])
})

test('what failed as a whole and may pass is not sent again here', async () => {
  const server = scripted(() => ({ error: Object.assign(new Error('not primary'), { code: 10_107 }), untriedFrom: 0 }))
  expect(await server.run('a', 'b')).toEqual(['transient', 'transient'])
  expect(server.calls).toHaveLength(1)
})

test('after an operation that may pass the later ones wait, so that the order stays', async () => {
  const server = scripted(() => ({ failed: new Map([[1, { code: 112 }]]), untriedFrom: 2 }))
  expect(await server.run('a', 'b', 'c')).toEqual(['ok', 'transient', 'transient'])
  expect(server.calls).toEqual([['a', 'b', 'c']])
})

test('a write that too few members have counts as none', async () => {
  const concern = { code: 64, errmsg: 'waiting for replication timed out' }
  expect(await scripted(() => ({ error: concern, untriedFrom: 0 })).run('a', 'b')).toEqual(['transient', 'transient'])
  const mixed = scripted((_texts, call) =>
    call === 1 ? { failed: new Map([[1, { code: 121 }]]), error: concern, untriedFrom: 2 } : {},
  )
  expect(await mixed.run('a', 'b', 'c')).toEqual(['transient', 'permanent', 'ok'])
})

test('an upsert that lost a race is tried once more, then refused', async () => {
  const lost = { code: 11_000, errmsg: 'E11000' }
  const once = scripted((_texts, call) => (call === 1 ? { failed: new Map([[0, lost]]), untriedFrom: 1 } : {}))
  expect(await once.run('u1', 'a')).toEqual(['ok', 'ok'])
  expect(once.calls).toEqual([
    ['u1', 'a'],
    ['u1', 'a'],
  ])
  const always = scripted((texts) => (texts[0] === 'u1' ? { failed: new Map([[0, lost]]), untriedFrom: 1 } : {}))
  expect(await always.run('u1', 'a')).toEqual(['permanent', 'ok'])
})

test('classes of errors', () => {
  const labelled = Object.assign(new Error('x'), { errorLabels: ['RetryableWriteError'] })
  const network = Object.assign(new Error('connection closed'), { name: 'MongoNetworkError' })
  for (const error of [labelled, network, { code: 91 }, { code: 13_435 }, { code: 14_031 }, new Error('who knows')]) {
    expect(mongoErrorKind(error)).toBe('transient')
  }
  const bson = Object.assign(new Error('x'), { name: 'BSONError' })
  for (const error of [bson, { code: 121 }, { code: 13 }, { code: 2 }]) expect(mongoErrorKind(error)).toBe('permanent')
  expect(mongoErrorKind({ code: 11_000 })).toBe('duplicate')
})

test('errors are one line without credentials', () => {
  expect(shownError(new Error('mongodb://me:word@h failed\nstack'))).toBe('mongodb://***@h failed')
  expect(shownError({ code: 11_000, errmsg: 'E11000 duplicate key' })).toBe('E11000 duplicate key')
})

test('a duplicate beside what may pass waits with it: it may be there already, and is not refused for that', async () => {
  const sink = createMongoSink({
    name: 'main',
    ordered: false,
    link: {
      connect: async () => undefined,
      close: async () => undefined,
      present: async () => new Set(['insert']),
      write: async () => ({
        failed: new Map([
          [0, { code: 11_000 }],
          [1, { code: 112 }],
          [2, { code: 11_000 }],
        ]),
        error: null,
        untriedFrom: 3,
      }),
    },
  })
  const records = [
    { op: 'insert', collection: 'c', data: { x: 1 } },
    { op: 'update_one', collection: 'c', filter: { k: 1 }, data: { x: 1 } },
    { op: 'upsert', collection: 'c', filter: { k: 2 }, data: { x: 1 } },
  ].map((payload) => ({ id: payload.op, payload: sink.accept(payload), assignment }))
  const verdicts = await sink.deliver(records, signal)
  expect(verdicts.map((verdict) => (verdict.ok ? 'ok' : verdict.kind))).toEqual(['transient', 'transient', 'transient'])
})
