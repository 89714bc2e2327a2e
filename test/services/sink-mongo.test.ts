import { type Db, Long, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  createMongoSink,
  MongoLink,
  type MongoLinkOptions,
  type MongoSinkOptions,
  type Sink,
} from '../../src/flow/sinks/index.ts'
import { sinkContract } from '../../src/testing/index.ts'
import { anyMongo } from './mongo.ts'
import { deliverAll, deliverOnce, PLACED, recordFor, signal } from './sink-kit.ts'

const LONG = process.env['DRAKKAR_NIGHTLY'] === '1'
// FerretDB looks through the whole collection for documents that are there already.
const RECORDS = LONG ? 30_000 : 10_000

let server: Awaited<ReturnType<typeof anyMongo>>
let client: MongoClient
let databases = 0
beforeAll(async () => {
  server = await anyMongo()
  client = await new MongoClient(server.uri).connect()
}, 300_000)
afterAll(async () => {
  await client.close()
  await server.stop()
})

type Options = Partial<Omit<MongoSinkOptions, 'link'>> & Partial<MongoLinkOptions>

/** A sink with a database of its own; both go with the test. */
async function open(options: Options = {}): Promise<{ sink: Sink; db: Db }> {
  databases += 1
  const database = options.database ?? `t${process.pid}_${databases}`
  const sink = makeSink({ ...options, database })
  const db = client.db(database)
  onTestFinished(async () => {
    await sink.close()
    await db.dropDatabase()
  })
  await sink.connect()
  return { sink, db }
}

function makeSink({ statements, ordered, ...options }: Options): Sink {
  const link = new MongoLink({ name: 'main', uri: server.uri, database: 'test', ...options })
  return createMongoSink({
    name: 'main',
    link,
    ...(statements === undefined ? {} : { statements }),
    ...(ordered === undefined ? {} : { ordered }),
  })
}

for (const ordered of [true, false]) {
  sinkContract(test, `mongo sink (${ordered ? 'ordered' : 'unordered'})`, async () => {
    databases += 1
    const database = `contract${process.pid}_${databases}`
    const db = client.db(database)
    await db.collection('all').createIndex({ only: 1 }, { unique: true, sparse: true })
    await db.collection('all').insertOne({ only: 'taken' })
    return {
      sink: makeSink({ database, ordered }),
      payload: (text) => ({ collection: 'all', data: { bytes: Buffer.from(text), inner: { text } } }),
      spoil: (payload) => {
        const data = payload['data'] as { bytes: Buffer; inner: { text: string } }
        data.bytes.fill(0)
        data.inner.text = 'spoilt'
      },
      bad: [
        undefined,
        'text',
        {},
        { collection: 'c' },
        { collection: 'c', data: { a: Number.NaN } },
        { op: 'no', collection: 'c', data: {} },
      ],
      written: async () => {
        const documents = await db
          .collection('all')
          .find({ inner: { $exists: true } })
          .toArray()
        return documents.map((document) => {
          expect(String(document['bytes'])).toBe(document['inner'].text)
          return document['inner'].text as string
        })
      },
      ordered: false,
      idempotent: true,
      refused: () => ({ collection: 'all', data: { only: 'taken' } }),
      cleanUp: async () => {
        await db.dropDatabase()
      },
    }
  })
}

describe('every op does what it says', () => {
  test('insert keeps types, and gives the record’s id where there is none', async () => {
    const { sink, db } = await open()
    const id = new ObjectId()
    const data = {
      at: new Date(5),
      big: 2n ** 60n,
      long: Long.fromNumber(7),
      bytes: Buffer.from([0, 255]),
      list: [1, undefined, { deep: null }],
      left: undefined,
    }
    const own = recordFor(sink, { collection: 'c', data })
    expect(await sink.deliver([own, recordFor(sink, { collection: 'c', data: { _id: id } })], signal)).toEqual([
      PLACED,
      PLACED,
    ])
    const found = await db
      .collection('c')
      .findOne({ _id: own.id as never }, { promoteLongs: false, promoteBuffers: true })
    expect(found).toEqual({
      _id: own.id,
      at: new Date(5),
      big: Long.fromBigInt(2n ** 60n),
      long: Long.fromNumber(7),
      bytes: Buffer.from([0, 255]),
      list: [1, null, { deep: null }],
    })
    expect(await db.collection('c').countDocuments({ _id: id })).toBe(1)
  })

  test('updates, upsert, replace and deletes', async () => {
    const { sink, db } = await open()
    const all = db.collection('c')
    const verdicts = await deliverOnce(
      sink,
      { collection: 'c', data: { k: 1, g: 'a' } },
      { collection: 'c', data: { k: 2, g: 'a' } },
      { collection: 'c', data: { k: 3, g: 'b' } },
      { op: 'update_one', collection: 'c', filter: { k: 1 }, data: { 'inner.x': 5 } },
      { op: 'update_many', collection: 'c', filter: { g: 'a' }, data: { seen: true } },
      { op: 'upsert', collection: 'c', filter: { k: 9 }, data: { g: 'new' } },
      { op: 'upsert', collection: 'c', filter: { k: 9 }, data: { g: 'newer' } },
      { op: 'replace_one', collection: 'c', filter: { k: 3 }, data: { k: 3, whole: true } },
      { op: 'replace_one', collection: 'c', filter: { k: 10 }, data: { k: 10 }, upsert: true },
      { op: 'update_one', collection: 'c', filter: { k: 'nobody' }, data: { x: 1 } },
      { op: 'delete_one', collection: 'c', filter: { k: { $in: [2] } } },
    )
    expect(new Set(verdicts)).toEqual(new Set(['ok']))
    const documents = await all
      .find({}, { projection: { _id: 0 } })
      .sort({ k: 1 })
      .toArray()
    expect(documents).toEqual([
      { k: 1, g: 'a', inner: { x: 5 }, seen: true },
      { k: 3, whole: true },
      { k: 9, g: 'newer' },
      { k: 10 },
    ])
    expect(await deliverOnce(sink, { op: 'delete_many', collection: 'c', filter: { k: { $gte: 3 } } })).toEqual(['ok'])
    expect(await all.countDocuments()).toBe(1)
  })

  test('statements of the configuration keep the types of parameters and take no operators from them', async () => {
    const { sink, db } = await open({
      statements: {
        close: {
          collection: 'jobs',
          op: 'update_one',
          filter: { _id: ':id' },
          update: { $set: { at: ':at', text: '::at' }, $inc: { times: ':by' } },
          upsert: true,
        },
        log: { collection: 'log', op: 'insert', update: { job: ':id' } },
        drop: { collection: 'jobs', op: 'delete_many', filter: { times: { $lt: ':by' } } },
      },
    })
    const at = new Date(99)
    const close = { op: 'statement', statement: 'close', params: { id: 7, at, by: 2 } }
    const log = recordFor(sink, { op: 'statement', statement: 'log', params: { id: 7 } })
    expect(await deliverOnce(sink, close, close)).toEqual(['ok', 'ok'])
    expect(await sink.deliver([log, log], signal)).toEqual([PLACED, PLACED])
    expect(await db.collection('jobs').find().toArray()).toEqual([{ _id: 7, at, text: ':at', times: 4 }])
    expect(await db.collection('log').find().toArray()).toEqual([{ _id: log.id, job: 7 }])
    expect(await deliverOnce(sink, { op: 'statement', statement: 'drop', params: { by: 5 } })).toEqual(['ok'])
    expect(await db.collection('jobs').countDocuments()).toBe(0)
    const bad =
      (params: unknown): (() => unknown) =>
      () =>
        sink.accept({ op: 'statement', statement: 'drop', params })
    expect(bad({ by: { $gt: 0 } })).toThrow(/\$gt/)
    expect(bad({})).toThrow(/lacks by/)
    expect(bad({ by: 1, more: 2 })).toThrow(/more, which the statement does not use/)
    expect(() => sink.accept({ op: 'statement', statement: 'none' })).toThrow(/close, log, drop/)
  })
})

describe('a batch', () => {
  for (const ordered of [true, false]) {
    test(`half of it refused, ${ordered ? 'ordered' : 'unordered'}: each has its own verdict`, async () => {
      const { sink, db } = await open({ ordered })
      await db.collection('c').createIndex({ only: 1 }, { unique: true })
      await db.collection('c').insertOne({ only: 'taken' })
      const records = Array.from({ length: 40 }, (_, index) =>
        recordFor(sink, { collection: 'c', data: { only: index % 2 === 0 ? index : 'taken' } }),
      )
      const verdicts = await sink.deliver(records, signal)
      expect(verdicts.map((verdict) => (verdict.ok ? 'ok' : verdict.kind))).toEqual(
        records.map((_, index) => (index % 2 === 0 ? 'ok' : 'permanent')),
      )
      expect(verdicts[1]?.ok === false && verdicts[1].error.message).toMatch(
        /^mongo:main insert c: .*E?11000|duplicate/i,
      )
      expect(await db.collection('c').countDocuments()).toBe(21)
      // A replay finds its own, and refuses the others again.
      expect(await sink.deliver(records, signal)).toEqual(verdicts)
      expect(await db.collection('c').countDocuments()).toBe(21)
    })
  }

  test('an `_id` of the handler that is there is refused: it may be somebody else’s', async () => {
    const { sink } = await open()
    const given = { collection: 'c', data: { _id: 'mine' } }
    expect(await deliverOnce(sink, given)).toEqual(['ok'])
    expect((await deliverOnce(sink, given))[0]).toMatch(/^permanent: /)
  })

  test(`${RECORDS} documents, and all of them again: each is there once`, {
    timeout: LONG ? 900_000 : 120_000,
  }, async () => {
    const { sink, db } = await open()
    const records = Array.from({ length: RECORDS }, (_, index) => recordFor(sink, { collection: 'c', data: { index } }))
    await deliverAll(sink, records)
    await deliverAll(sink, records)
    const found = await db
      .collection('c')
      .find({}, { projection: { index: 1 } })
      .toArray()
    expect(found).toHaveLength(RECORDS)
    expect(new Set(found.map((document) => document['index'] as number)).size).toBe(RECORDS)
  })

  // FerretDB inserts in parts of 100, and after an error it goes on with the next part.
  test('some of its documents are there already: no other is taken for written', async () => {
    const { sink, db } = await open()
    const batch = Array.from({ length: 350 }, (_, x) => recordFor(sink, { collection: 'c', data: { x } }))
    const before = batch.filter((_, index) => [5, 120, 260].includes(index))
    expect(await sink.deliver(before, signal)).toEqual(before.map(() => PLACED))
    expect(new Set(await sink.deliver(batch, signal))).toEqual(new Set([PLACED]))
    expect(await db.collection('c').distinct('x')).toHaveLength(350)
    expect(await db.collection('c').countDocuments()).toBe(350)
  })

  test('collections may change from record to record, and the order stays', async () => {
    const { sink, db } = await open()
    const verdicts = await deliverOnce(
      sink,
      { collection: 'a', data: { k: 1 } },
      { collection: 'b', data: { k: 1 } },
      { op: 'update_one', collection: 'a', filter: { k: 1 }, data: { k: 2 } },
      { op: 'delete_one', collection: 'b', filter: { k: 1 } },
      { collection: 'b', data: { k: 3 } },
    )
    expect(new Set(verdicts)).toEqual(new Set(['ok']))
    expect(await db.collection('a').countDocuments({ k: 2 })).toBe(1)
    expect((await db.collection('b').find().toArray()).map((document) => document['k'] as number)).toEqual([3])
  })
})
