import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  createPostgresSink,
  type PostgresLinkOptions,
  type PostgresSinkOptions,
  postgresLink,
  type Sink,
} from '../../src/flow/sinks/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import { sinkContract } from '../../src/testing/index.ts'
import { anyPostgres } from './postgres.ts'
import { assignment, deliverOnce, PLACED, recordFor, signal } from './sink-kit.ts'

let server: Awaited<ReturnType<typeof anyPostgres>>
let schemas = 0
beforeAll(async () => {
  server = await anyPostgres()
}, 60_000)
afterAll(() => server.stop())

type Options = Partial<PostgresSinkOptions & PostgresLinkOptions>

/** A schema of its own, in which names are looked up, a client to look, and a sink that is connected. */
async function open(ddl: string, options: Options = {}): Promise<{ sink: Sink; look: pg.Client; dsn: string }> {
  const { look, dsn } = await schema(ddl)
  const sink = makeSink(dsn, options)
  onTestFinished(() => sink.close())
  await sink.connect()
  return { sink, look, dsn }
}

async function schema(ddl: string): Promise<{ look: pg.Client; dsn: string }> {
  schemas += 1
  const name = `t${process.pid}_${schemas}`
  const dsn = `${server.dsn}${server.dsn.includes('?') ? '&' : '?'}options=-csearch_path%3D${name}`
  const look = await client(dsn)
  await look.query(`CREATE SCHEMA ${name}; ${ddl}`)
  return { look, dsn }
}

async function client(connectionString: string): Promise<pg.Client> {
  const made = new pg.Client({ connectionString })
  made.on('error', () => undefined)
  await made.connect()
  onTestFinished(() => made.end())
  return made
}

function makeSink(dsn: string, options: Options = {}): Sink {
  const link = postgresLink({
    name: 'main',
    dsn,
    poolMin: 0,
    poolMax: 4,
    connectTimeoutMs: 5000,
    answerTimeoutMs: 8000,
    ...options,
  })
  return createPostgresSink({ name: 'main', link, clock: systemClock, scope: 'group', ...options })
}

async function rowsOf(look: pg.Client, sql: string): Promise<readonly unknown[]> {
  return (await look.query<object>(sql)).rows
}

for (const idempotency of ['table', 'key', 'none'] as const) {
  sinkContract(test, `postgres sink with idempotency ${idempotency}`, async () => {
    const { look, dsn } = await schema(
      "CREATE TABLE texts (n serial, text text CHECK (text <> 'bad'), drakkar_id text UNIQUE)",
    )
    return {
      sink: makeSink(dsn, { idempotency }),
      payload: (text) => ({ table: 'texts', data: { text } }),
      spoil: (payload) => {
        ;(payload['data'] as { text: string }).text = 'spoilt'
      },
      bad: [undefined, 'text', {}, { table: 'texts' }, { op: 'no', table: 'texts', data: {} }, { data: { text: 'x' } }],
      written: async () =>
        (await look.query<{ text: string }>('SELECT text FROM texts ORDER BY n')).rows.map(({ text }) => text),
      idempotent: idempotency !== 'none',
      refused: () => ({ table: 'texts', data: { text: 'bad' } }),
      cleanUp: async () => undefined,
    }
  })
}

describe('every op does what it says', () => {
  test('insert, upsert, update, delete and statements, in the order of the batch', async () => {
    const { sink, look } = await open('CREATE TABLE t (k int PRIMARY KEY, a text, b int)', {
      statements: { add: 'UPDATE t SET b = b + :by WHERE k = :k -- not :this' },
    })
    expect(
      await deliverOnce(
        sink,
        { table: 't', data: { k: 1, a: 'one', b: 1 } },
        { table: 't', data: { k: 2, a: 'two', b: 2 } },
        { table: 't', data: { k: 3, a: null } },
        { op: 'upsert', table: 't', conflict: ['k'], data: { k: 1, a: 'uno' } },
        { op: 'upsert', table: 't', conflict: ['k'], data: { k: 1, a: 'eins' } },
        { op: 'upsert', table: 't', conflict: ['k'], data: { k: 4, a: 'vier', b: 4 }, updateColumns: ['b'] },
        { op: 'upsert', table: 't', conflict: ['k'], data: { k: 2 } },
        { op: 'update', table: 't', data: { b: 30 }, where: { a: null, k: 3 } },
        { op: 'statement', statement: 'add', params: { k: 2, by: 40 } },
        { op: 'statement', statement: 'add', params: { k: 2, by: 100 } },
        { op: 'upsert', table: 't', conflict: ['k'], data: { k: 4, a: 'four', b: 44 }, updateColumns: ['b'] },
        { op: 'delete', table: 't', where: { k: 3 } },
        { op: 'delete', table: 't', where: { a: null } },
      ),
    ).toEqual(Array.from({ length: 13 }, () => 'ok'))
    expect(await rowsOf(look, 'SELECT * FROM t ORDER BY k')).toEqual([
      { k: 1, a: 'eins', b: 1 },
      { k: 2, a: 'two', b: 142 },
      { k: 4, a: 'vier', b: 44 },
    ])
  })
})

test('a record comes again with others that are new', async () => {
  const { sink, look } = await open('CREATE TABLE t (k int)')
  const old = recordFor(sink, { table: 't', data: { k: 1 } })
  expect(await sink.deliver([old], signal)).toEqual([PLACED])
  expect(await sink.deliver([recordFor(sink, { table: 't', data: { k: 2 } }), old], signal)).toEqual([PLACED, PLACED])
  expect(await rowsOf(look, 'SELECT k FROM t ORDER BY k')).toEqual([{ k: 1 }, { k: 2 }])
  expect(assignment.owner).toBe(1)
})
