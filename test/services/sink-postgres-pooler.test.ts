// The sink behind PgBouncer with transaction pooling: each transaction may get another connection to the server.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { sinkContract } from '../../src/testing/index.ts'
import { until } from './chaos/until.ts'
import { startPgBouncer, startPostgres } from './postgres.ts'
import { type PostgresOptions, postgresSchema, postgresSink, rowsOf } from './postgres-sink-kit.ts'
import { deliverAll, recordFor, signal } from './sink-kit.ts'

let server: Awaited<ReturnType<typeof startPostgres>>
let pooler: Awaited<ReturnType<typeof startPgBouncer>>
beforeAll(async () => {
  server = await startPostgres()
  // Fewer connections than the sinks open, so that they are given on.
  pooler = await startPgBouncer(server.port, 'default_pool_size = 2')
}, 120_000)
afterAll(async () => {
  await pooler.stop()
  await server.stop()
})

/** Behind the pooler names are found by their schema: it passes no `options` on. */
interface Behind {
  readonly schema: string
  readonly table: string
  readonly texts: () => Promise<readonly string[]>
}

async function behind(): Promise<Behind> {
  const { look } = await postgresSchema(
    server.dsn,
    "CREATE TABLE texts (n serial, text text CHECK (text <> 'bad'), drakkar_id text UNIQUE)",
  )
  const [row] = await rowsOf<{ name: string }>(look, 'SELECT current_schema() AS name')
  const schema = row?.name ?? ''
  return {
    schema,
    table: `${schema}.texts`,
    texts: async () =>
      (await rowsOf<{ text: string }>(look, 'SELECT text FROM texts ORDER BY n')).map(({ text }) => text),
  }
}

const POOLED: PostgresOptions = { prepared: false }

for (const idempotency of ['table', 'key', 'none'] as const) {
  sinkContract(test, `postgres sink behind PgBouncer with idempotency ${idempotency}`, async () => {
    const { schema, table, texts } = await behind()
    return {
      sink: postgresSink(pooler.dsn, { ...POOLED, idempotency, schema }),
      payload: (text) => ({ table, data: { text } }),
      spoil: (payload) => {
        ;(payload['data'] as { text: string }).text = 'spoilt'
      },
      bad: [undefined, {}, { table }],
      written: texts,
      idempotent: idempotency !== 'none',
      refused: () => ({ table, data: { text: 'bad' } }),
      cleanUp: async () => undefined,
    }
  })
}

test('the records of three sinks are there once each, while the pooler is killed, stuck and started again', async () => {
  const { schema, table, texts } = await behind()
  const sinks = ['a', 'b', 'c'].map((scope) => postgresSink(pooler.dsn, { ...POOLED, schema, scope }))
  onTestFinished(async () => void (await Promise.all(sinks.map((sink) => sink.close()))))
  await Promise.all(sinks.map((sink) => sink.connect()))
  const expected = new Set<string>()
  const all = sinks.map((sink, of) => {
    const each = Array.from({ length: 10_000 }, (_, n) => `${of}-${n}`)
    for (const text of each) expected.add(text)
    const records = each.map((text) => recordFor(sink, { table, data: { text } }))
    return deliverAll(sink, records, 60_000)
  })
  const half = Promise.all(all)
  const reaches = (count: number): Promise<unknown> =>
    until(`${count} rows`, 30_000, async () => (await texts()).length >= count)
  await reaches(1000)
  pooler.kill()
  expect((await texts()).length).toBeLessThan(expected.size)
  await pooler.restart()
  await reaches((await texts()).length + 1000)
  pooler.freeze()
  expect((await texts()).length).toBeLessThan(expected.size)
  pooler.thaw()
  await half
  const written = await texts()
  expect([written.length, new Set(written)]).toEqual([expected.size, expected])
})

test('prepared statements that a pooler mixes up are told of with what to do, and nothing is written', async () => {
  const { schema, table, texts } = await behind()
  const sink = postgresSink(pooler.dsn, { schema })
  onTestFinished(() => sink.close())
  await sink.connect()
  const told = await until('a batch that gets a connection which does not know the statement', 30_000, async () => {
    const before = (await texts()).length
    const batches = ['a', 'b', 'c', 'd'].map((text) =>
      sink.deliver([recordFor(sink, { table, data: { text } })], signal),
    )
    const verdicts = (await Promise.all(batches)).flat()
    const placed = verdicts.filter(({ ok }) => ok).length
    expect((await texts()).length - before).toBe(placed)
    return verdicts.find((verdict) => !verdict.ok)
  })
  expect(told).toMatchObject({ kind: 'transient' })
  expect(told.ok ? '' : told.error.message).toMatch(/prepared_statements: false/)
})

test('`options` in the dsn, which a pooler does not pass on, is refused at the start with what to do', async () => {
  const sink = postgresSink(`${pooler.dsn}?options=-csearch_path%3Dpublic`, POOLED)
  onTestFinished(() => sink.close())
  await expect(sink.connect()).rejects.toMatchObject({
    code: 'SINK_UNAVAILABLE',
    message: expect.stringMatching(/unsupported startup parameter: options/) as string,
    advice: expect.stringMatching(/pooler.*schema\.table/) as string,
  })
})
