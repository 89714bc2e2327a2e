import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { sinkContract } from '../../src/testing/index.ts'
import { until } from './chaos/until.ts'
import { anyPostgres } from './postgres.ts'
import {
  countOf,
  type OpenedPostgres,
  openPostgresSink,
  type PostgresOptions,
  postgresSchema,
  postgresSink,
  rowsOf,
} from './postgres-sink-kit.ts'
import { assignment, deliverAll, deliverOnce, PLACED, recordFor, signal } from './sink-kit.ts'

let server: Awaited<ReturnType<typeof anyPostgres>>
beforeAll(async () => {
  server = await anyPostgres()
}, 120_000)
afterAll(() => server.stop())

const open = (ddl: string, options?: PostgresOptions): Promise<OpenedPostgres> =>
  openPostgresSink(server.dsn, ddl, options)

const LONG = process.env['DRAKKAR_NIGHTLY'] === '1'

for (const idempotency of ['table', 'key', 'none'] as const) {
  sinkContract(test, `postgres sink with idempotency ${idempotency}`, async () => {
    const { look, dsn } = await postgresSchema(
      server.dsn,
      "CREATE TABLE texts (n serial, text text CHECK (text <> 'bad'), drakkar_id text UNIQUE)",
    )
    return {
      sink: postgresSink(dsn, { idempotency }),
      payload: (text) => ({ table: 'texts', data: { text } }),
      spoil: (payload) => {
        ;(payload['data'] as { text: string }).text = 'spoilt'
      },
      bad: [undefined, 'text', {}, { table: 'texts' }, { op: 'no', table: 'texts', data: {} }, { data: { text: 'x' } }],
      written: async () =>
        (await rowsOf<{ text: string }>(look, 'SELECT text FROM texts ORDER BY n')).map(({ text }) => text),
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

  test('a statement gets the id of its record, and JSON, lists and bytes by its parameters', async () => {
    const { sink, look } = await open('CREATE TABLE t (id text, j jsonb, l int[], b bytea)', {
      statements: { put: 'INSERT INTO t VALUES (:drakkar_id, :j, :l, :b)' },
    })
    const params = { j: [1, { a: 2 }], l: [1, null, 3], b: Buffer.from([0, 255]) }
    const record = recordFor(sink, { op: 'statement', statement: 'put', params })
    expect(await sink.deliver([record], signal)).toEqual([PLACED])
    expect(await rowsOf(look, 'SELECT * FROM t')).toEqual([{ id: record.id, ...params }])
  })

  test('names are taken as they are: schemas, capitals, blanks, quotes, dots', async () => {
    const { sink, look } = await open(
      'CREATE TABLE "My.Table" ("a b" int, "c""d" int, "SELECT" int); CREATE SCHEMA IF NOT EXISTS other_place; CREATE TABLE IF NOT EXISTS other_place.t (x int)',
    )
    onTestFinished(async () => void (await look.query('DROP SCHEMA other_place CASCADE')))
    const odd = `x'); DROP TABLE t; --`
    expect(
      await deliverOnce(
        sink,
        { table: '"My.Table"', data: { 'a b': 1, 'c"d': 2, SELECT: 3 } },
        { table: 'other_place.t', data: { x: 1 } },
        { table: 'other_place.t', data: { [odd]: 1 } },
        { table: 'OTHER_PLACE.t', data: { x: 1 } },
      ),
    ).toEqual([
      'ok',
      'ok',
      expect.stringMatching(/^permanent: .*"other_place"\."t" has no column "x'\); DROP TABLE t; --" \(it has x\)/),
      expect.stringMatching(/^permanent: .*there is no table "OTHER_PLACE"\."t"/),
    ])
    expect(await rowsOf(look, 'SELECT * FROM "My.Table"')).toEqual([{ 'a b': 1, 'c"d': 2, SELECT: 3 }])
  })

  test('a batch of 20,000 rows is one statement, however many values it has', async () => {
    const columns = Array.from({ length: 10 }, (_, index) => `c${index}`)
    const { sink, look } = await open(`CREATE TABLE t (${columns.map((name) => `${name} int`).join(', ')})`)
    const data = Object.fromEntries(columns.map((name, index) => [name, index]))
    const verdicts = await deliverOnce(sink, ...Array.from({ length: 20_000 }, () => ({ table: 't', data })))
    expect(new Set(verdicts)).toEqual(new Set(['ok']))
    expect(await countOf(look, 't')).toBe(20_000)
  })
})

describe('values', () => {
  test('each type holds what was sent', async () => {
    const { sink, look } = await open(
      `CREATE DOMAIN short AS varchar(3);
       CREATE TYPE mood AS ENUM ('good', 'bad');
       CREATE TABLE t (k int, big bigint, num numeric, fl float8, flag boolean, txt text, v varchar(5), c char(3), d short,
         j json, jb jsonb, by bytea, ts timestamptz, da date, ar int[], ta text[], ba bytea[], ja jsonb[], m mood, u uuid, iv interval)`,
    )
    const at = new Date('2026-03-01T12:34:56.789Z')
    const data = {
      k: 1,
      big: 9_223_372_036_854_775_807n,
      num: '123456789012345678901234567890.123',
      fl: Number.POSITIVE_INFINITY,
      flag: true,
      txt: 'ø "quoted", \\back\\, {brace}, line\n',
      v: 'abcde',
      c: 'ab',
      d: 'abc',
      j: { a: [1, undefined, null], b: undefined, at },
      jb: ['x', 1, { y: null }],
      by: new Uint8Array([0, 1, 255]),
      ts: at,
      da: at,
      ar: [
        [1, 2],
        [3, null],
      ],
      ta: ['a,b', '"', 'NULL', '', '{}', null],
      ba: [Buffer.from([1]), Buffer.from([])],
      ja: [{ a: 1 }, [2], 3],
      m: 'good',
      u: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
      iv: '1 day',
    }
    expect(await deliverOnce(sink, { table: 't', data })).toEqual(['ok'])
    const [row] = await rowsOf(look, 'SELECT *, da::text AS da, iv::text AS iv, ja::text AS ja FROM t')
    expect(row).toEqual({
      ...data,
      big: '9223372036854775807',
      c: 'ab ',
      j: { a: [1, null, null], at: at.toISOString() },
      by: Buffer.from([0, 1, 255]),
      da: '2026-03-01',
      ja: '{"{\\"a\\": 1}",[2],3}',
      u: data.u.toLowerCase(),
    })
  })

  test('what a column cannot hold is refused, with its column, and its neighbours are written', async () => {
    const { sink, look } = await open(
      'CREATE DOMAIN short AS varchar(3); CREATE TABLE t (i int, v varchar(3), d short, j jsonb, n int NOT NULL DEFAULT 1)',
    )
    const rows = [
      { i: 1 },
      { i: 'x' },
      { i: 2 ** 40 },
      { v: 'long' },
      { d: 'long' },
      { j: 'no json' },
      { i: Buffer.from('x') },
    ]
    const more = [{ i: [1] }, { i: { a: 1 } }, { n: null }, { j: [Buffer.from('x')] }, { nope: 1 }, { i: 2 }]
    const answers = await deliverOnce(sink, ...[...rows, ...more].map((data) => ({ table: 't', data })))
    expect(answers).toEqual([
      'ok',
      expect.stringMatching(
        /^permanent: postgres:main: insert in "t": invalid input syntax for type integer: "x" \(22P02\)/,
      ),
      expect.stringMatching(/^permanent: .*out of range for type integer \(22003\)/),
      expect.stringMatching(/^permanent: .*value too long for type character varying\(3\) \(22001\)/),
      expect.stringMatching(/^permanent: .*value too long for type character varying\(3\) \(22001\)/),
      expect.stringMatching(/^permanent: .*invalid input syntax for type json/),
      expect.stringMatching(/^permanent: .*column "i" is bytes, and it takes integer/),
      expect.stringMatching(/^permanent: .*column "i" is a list, and it takes integer/),
      expect.stringMatching(/^permanent: .*column "i" is an object, and it takes integer/),
      expect.stringMatching(/^permanent: .*violates not-null constraint \(23502\)/),
      expect.stringMatching(/^permanent: .*column "j" holds bytes/),
      expect.stringMatching(/^permanent: .*has no column "nope" \(it has i, v, d, j, n\)/),
      'ok',
    ])
    expect(await rowsOf(look, 'SELECT i FROM t ORDER BY i')).toEqual([{ i: 1 }, { i: 2 }])
  })
})

describe('a record that is refused', () => {
  test('is found among 1,000, with others of every op, and can come again later', async () => {
    const { sink, look } = await open('CREATE TABLE t (k int PRIMARY KEY CHECK (k <> 13), a int)', {
      statements: { half: 'UPDATE t SET a = 1 / :by::int WHERE k = :k', other: 'SELECT :a::int' },
    })
    const bad = new Set([3, 500, 501, 999])
    const records = Array.from({ length: 1000 }, (_, k) =>
      recordFor(sink, { table: 't', data: { k: bad.has(k) ? 13 : k + 100 } }),
    )
    records.push(recordFor(sink, { op: 'statement', statement: 'half', params: { by: 0, k: 100 } }))
    records.push(recordFor(sink, { op: 'statement', statement: 'half', params: { by: 1, k: 100 } }))
    const verdicts = await sink.deliver(records, signal)
    expect(verdicts.flatMap(({ ok }, index) => (ok ? [] : [index]))).toEqual([...bad, 1000])
    expect(await rowsOf(look, 'SELECT a FROM t WHERE k = 100')).toEqual([{ a: 1 }])
    expect(await countOf(look, 't')).toBe(996)
    const [third] = records.slice(3)
    await look.query('ALTER TABLE t DROP CONSTRAINT t_k_check')
    expect(await sink.deliver(third === undefined ? [] : [third], signal)).toEqual([PLACED])
    expect(await countOf(look, 't')).toBe(997)
  })

  test('by a trigger, or only when the transaction ends', async () => {
    const { sink, look } = await open(`
      CREATE TABLE p (k int PRIMARY KEY);
      CREATE TABLE t (k int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
      CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF new.k = 7 THEN RAISE EXCEPTION 'seven is out' USING ERRCODE = 'ZZ007'; END IF; RETURN new; END $$;
      CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no();
      INSERT INTO p VALUES (1)`)
    expect(await deliverOnce(sink, ...[1, 2, 7, 1].map((k) => ({ table: 't', data: { k } })))).toEqual([
      'ok',
      expect.stringMatching(/^permanent: .*violates foreign key constraint .*\(23503\)/),
      expect.stringMatching(/^permanent: .*seven is out \(ZZ007\)/),
      'ok',
    ])
    expect(await countOf(look, 't')).toBe(2)
  })

  test('not because a table was altered while the worker runs', async () => {
    const { sink, look } = await open('CREATE TABLE t (k int)')
    expect(await deliverOnce(sink, { table: 't', data: { k: 1 } })).toEqual(['ok'])
    await look.query('ALTER TABLE t ALTER k TYPE bigint')
    expect(await deliverOnce(sink, { table: 't', data: { k: 2 ** 40 } })).toEqual(['ok'])
    await look.query('ALTER TABLE t RENAME k TO n')
    expect(await deliverOnce(sink, { table: 't', data: { n: 3 } })).toEqual([expect.stringMatching(/ok|no column "n"/)])
    expect(await deliverOnce(sink, { table: 't', data: { k: 3 } })).toEqual([expect.stringMatching(/no column "k"/)])
    // What is remembered of a table is looked up anew only after a while.
    await until('the new name is known', 10_000, async () => {
      const [answer] = await deliverOnce(sink, { table: 't', data: { n: 3 } })
      return answer === 'ok'
    })
  })
})

describe('a record that comes again', () => {
  test('10,000 records, each batch twice and once more at the end, are there once', async () => {
    const { sink, look } = await open('CREATE TABLE t (k int)')
    const count = LONG ? 200_000 : 10_000
    const records = Array.from({ length: count }, (_, k) => recordFor(sink, { table: 't', data: { k } }))
    for (let at = 0; at < count; at += 500) {
      const batch = records.slice(at, at + 500)
      await Promise.all([sink.deliver(batch, signal), sink.deliver([...batch].reverse(), signal)])
    }
    await deliverAll(sink, records)
    expect(await rowsOf(look, 'SELECT count(*)::int AS n, count(DISTINCT k)::int AS d FROM t')).toEqual([
      { n: count, d: count },
    ])
  })

  test('one id twice in a batch is one record; another group has ids of its own', async () => {
    const { sink, look, dsn } = await open('CREATE TABLE t (k int)')
    const payload = { table: 't', data: { k: 1 } }
    const twice = [recordFor(sink, payload, 'same'), recordFor(sink, payload, 'same')]
    expect(await sink.deliver(twice, signal)).toEqual([PLACED, PLACED])
    const other = postgresSink(dsn, { scope: 'other' })
    onTestFinished(() => other.close())
    await other.connect()
    expect(await other.deliver(twice, signal)).toEqual([PLACED, PLACED])
    expect(await countOf(look, 't')).toBe(2)
  })

  test('with key: also by upsert without `conflict`; a table without the column says what to do', async () => {
    const { sink, look } = await open(
      'CREATE TABLE t (k int, drakkar_id text UNIQUE); CREATE TABLE bare (k int); CREATE TABLE plain (k int, drakkar_id text)',
      { idempotency: 'key' },
    )
    const first = recordFor(sink, { op: 'upsert', table: 't', data: { k: 1 } }, 'same')
    const second = recordFor(sink, { op: 'upsert', table: 't', data: { k: 2 } }, 'same')
    expect(await sink.deliver([first], signal)).toEqual([PLACED])
    expect(await sink.deliver([second], signal)).toEqual([PLACED])
    expect(await rowsOf(look, 'SELECT * FROM t')).toEqual([{ k: 2, drakkar_id: 'same' }])
    expect(await deliverOnce(sink, { table: 'bare', data: { k: 1 } }, { table: 'plain', data: { k: 1 } })).toEqual([
      expect.stringMatching(/^permanent: .*ALTER TABLE "bare" ADD COLUMN "drakkar_id" text UNIQUE/),
      expect.stringMatching(/^permanent: .*\(42P10\)\. ON CONFLICT needs a unique index/),
    ])
  })

  test('old ids are taken out', async () => {
    const { sink, look } = await open('CREATE TABLE t (k int)', { keepIdsMs: 3_600_000, clock: leaping() })
    await deliverOnce(sink, { table: 't', data: { k: 1 } })
    await look.query("UPDATE drakkar_delivered SET delivered_at = now() - interval '2 hours'")
    await deliverOnce(sink, { table: 't', data: { k: 2 } })
    await until('the old id is gone', 10_000, async () => (await countOf(look, 'drakkar_delivered')) === 1)
  })
})

/** A clock on which ten minutes pass between any two looks. */
function leaping(): NonNullable<PostgresOptions['clock']> {
  let now = 0
  return { now: () => Date.now(), monotonic: () => (now += 600_000), timer: () => ({ cancel: () => undefined }) }
}

describe('a former owner', () => {
  test('writes nothing once a newer one has written, and the newer one goes on', async () => {
    const { sink: old, look, dsn } = await open('CREATE TABLE t (k int)')
    const young = postgresSink(dsn)
    onTestFinished(() => young.close())
    await young.connect()
    const of = (owner: number, k: number, partition = 0): ReturnType<typeof recordFor> => ({
      ...recordFor(old, { table: 't', data: { k } }),
      assignment: { ...assignment, partition, owner },
    })
    const said = of(1, 1)
    expect(await old.deliver([said, of(5, 5, 1)], signal)).toEqual([PLACED, PLACED])
    expect(await young.deliver([of(2, 2)], signal)).toEqual([PLACED])
    const late = of(1, 3)
    expect(await old.deliver([late, said, of(5, 6, 1)], signal)).toEqual([
      {
        ok: false,
        kind: 'transient',
        error: expect.objectContaining({
          message: expect.stringContaining('a newer owner (2) of jobs:0') as string,
        }) as Error,
        retryAfterMs: 1000,
      },
      PLACED,
      PLACED,
    ])
    // Its id was not noted: the newer owner's replay of the same record is written.
    expect(await young.deliver([{ ...late, assignment: { ...assignment, owner: 2 } }], signal)).toEqual([PLACED])
    expect((await rowsOf<{ k: number }>(look, 'SELECT k FROM t ORDER BY k')).map(({ k }) => k)).toEqual([1, 2, 3, 5, 6])
  })

  test('the newer one waits for what the former one has under way, and then bars it', async () => {
    const { sink: old, look, dsn } = await open('CREATE TABLE t (k int); CREATE TABLE u (k int)')
    const young = postgresSink(dsn)
    onTestFinished(() => young.close())
    await young.connect()
    await old.deliver([{ ...recordFor(old, { table: 't', data: { k: 0 } }) }], signal)
    // Holds the former owner in the middle of its transaction, after it has looked at the owners.
    await look.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE')
    const held = old.deliver([recordFor(old, { table: 't', data: { k: 1 } })], signal)
    await until('it waits for the table', 10_000, async () => {
      const waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"
      return (await rowsOf(look, waiting)).length > 0
    })
    const next = young.deliver(
      [{ ...recordFor(young, { table: 'u', data: { k: 2 } }), assignment: { ...assignment, owner: 2 } }],
      signal,
    )
    await until('the newer one waits for the owners', 10_000, async () => {
      const blocked =
        "SELECT FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0 AND query LIKE '%INSERT INTO drakkar_owners%'"
      return (await rowsOf(look, blocked)).length > 0
    })
    await look.query('COMMIT')
    expect([await held, await next]).toEqual([[PLACED], [PLACED]])
    expect(await deliverOnce(old, { table: 't', data: { k: 3 } })).toEqual([
      expect.stringMatching(/^transient: .*newer owner/),
    ])
    expect([await countOf(look, 't'), await countOf(look, 'u')]).toEqual([2, 1])
  })

  test('owners that somebody took out of the table are written again', async () => {
    const { sink, look } = await open('CREATE TABLE t (k int)')
    await deliverOnce(sink, { table: 't', data: { k: 1 } })
    await look.query('TRUNCATE drakkar_owners')
    expect(await deliverOnce(sink, { table: 't', data: { k: 2 } })).toEqual([
      expect.stringMatching(/^transient: .*has lost owners/),
    ])
    expect(await deliverOnce(sink, { table: 't', data: { k: 3 } })).toEqual(['ok'])
  })
})
