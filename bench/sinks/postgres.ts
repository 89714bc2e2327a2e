// The PostgreSQL sink through the delivery of a worker, beside the plainest good script: the same driver, as many rows in
// one INSERT, and one row at a time. The server is a process of its own and syncs every commit to the disk.
// `node --conditions=drakkar-src bench/sinks/postgres.ts`
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { createPostgresSink, type PostgresSinkOptions, postgresLink, type Sink } from '../../src/flow/sinks/index.ts'
import { systemClock as clock } from '../../src/lib/index.ts'
import { startPostgres } from '../../test/services/postgres.ts'
import { type Figures, measured, print, throughDelivery } from './delivered.ts'

const COUNT = Number(process.env['BENCH_RECORDS'] ?? 50_000)
/** As many records as the delivery has at once. */
const ROWS = 256
const text = 'x'.repeat(100)
const COLUMNS = ['k', 'name', 'score', 'at'] as const

await using server = await startPostgres('fsync=on', 'synchronous_commit=on', 'full_page_writes=on', 'max_wal_size=4GB')
const admin = new pg.Client(server.dsn)
await admin.connect()
await admin.query(
  'CREATE TABLE rows (k bigint, name text, score float8, at timestamptz, drakkar_id text UNIQUE); CREATE TABLE best (k bigint PRIMARY KEY, name text, score float8, at timestamptz)',
)

const idOf = (n: number): string => `jobs:0:${n}:0/postgres:out/0`
const row = (n: number): Record<string, unknown> => ({ k: n, name: text, score: n / 3, at: new Date(n) })

async function fresh(): Promise<void> {
  await admin.query('TRUNCATE rows, best')
  await admin.query('DROP TABLE IF EXISTS drakkar_delivered, drakkar_owners')
  await admin.query('CHECKPOINT')
  await wait(200)
}

/** `rows` or `best`, and the columns beside those of a row. */
interface Target {
  readonly table: string
  readonly more?: readonly string[]
  /** Behind the values. */
  readonly tail?: string
}

async function script(what: string, count: number, size: number, target: Target): Promise<Figures> {
  await fresh()
  const { table, more = [], tail = '' } = target
  const columns = [...COLUMNS, ...more]
  const client = new pg.Client(server.dsn)
  await client.connect()
  const tuples = Array.from(
    { length: size },
    (_, at) => `(${columns.map((_, column) => `$${at * columns.length + column + 1}`).join(',')})`,
  )
  const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${tuples.join(',')}${tail}`
  const { perSecond, cpuUs } = await measured(what, count / size, 1, async (n) => {
    const values: unknown[] = []
    for (let at = n * size; at < (n + 1) * size; at += 1) {
      values.push(...Object.values(row(at)))
      if (more.length > 0) values.push(idOf(at))
    }
    await client.query({ name: 'rows', text: sql, values })
  })
  await client.end()
  return { what, perSecond: perSecond * size, cpuUs: cpuUs / size }
}

/** The plainest good script that writes each record once: its ids into a table first, in the same transaction. */
async function guardedScript(what: string, count: number, { table, tail = '' }: Target): Promise<Figures> {
  await fresh()
  await admin.query('CREATE TABLE drakkar_delivered (id text PRIMARY KEY)')
  const client = new pg.Client(server.dsn)
  await client.connect()
  const noted = 'INSERT INTO drakkar_delivered SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING id'
  const written = `INSERT INTO ${table} (k, name, score, at) SELECT unnest($1::bigint[]), unnest($2::text[]), unnest($3::float8[]), unnest($4::timestamptz[])${tail}`
  const { perSecond, cpuUs } = await measured(what, count / ROWS, 1, async (n) => {
    const ids = Array.from({ length: ROWS }, (_, at) => idOf(n * ROWS + at))
    await client.query('BEGIN')
    const { rows } = await client.query<{ id: string }>({ name: 'noted', text: noted, values: [ids] })
    const added = new Set(rows.map(({ id }) => id))
    const data = ids.flatMap((id, at) => (added.has(id) ? [row(n * ROWS + at)] : []))
    const values = COLUMNS.map((column) => data.map((each) => each[column]))
    await client.query({ name: 'written', text: written, values })
    await client.query('COMMIT')
  })
  await client.end()
  return { what, perSecond: perSecond * ROWS, cpuUs: cpuUs / ROWS }
}

async function ours(
  what: string,
  options: Partial<PostgresSinkOptions>,
  payload: (n: number) => object,
): Promise<Figures> {
  await fresh()
  const link = postgresLink({
    name: 'out',
    dsn: server.dsn,
    poolMin: 1,
    poolMax: 4,
    connectTimeoutMs: 5000,
    answerTimeoutMs: 20_000,
  })
  const made: Sink = createPostgresSink({ name: 'out', link, clock, scope: 'bench', ...options })
  return throughDelivery(what, made, { maxRecords: ROWS, inFlight: 1 }, COUNT, (n) => ({
    postgres: [payload(n) as never],
  }))
}

const insert = (n: number): object => ({ table: 'rows', data: row(n) })
const upsert = (n: number): object => ({ op: 'upsert', table: 'best', data: row(n), conflict: ['k'] })
const update = (n: number): object => ({ op: 'update', table: 'best', data: { score: n }, where: { k: n } })

const rows: Target = { table: 'rows' }
const rowsOnce: Target = { table: 'rows', more: ['drakkar_id'], tail: ' ON CONFLICT (drakkar_id) DO NOTHING' }
const best: Target = {
  table: 'best',
  tail: ' ON CONFLICT (k) DO UPDATE SET name = EXCLUDED.name, score = EXCLUDED.score, at = EXCLUDED.at',
}

for (const what of ['once before, so that everything is compiled', 'measured']) {
  process.stdout.write(`${what}\n`)
  print([
    await script(`script, INSERT of ${ROWS} rows`, COUNT, ROWS, rows),
    await ours('sink, insert, idempotency none', { idempotency: 'none' }, insert),
    await script('script, INSERT of one row', COUNT / 20, 1, rows),
  ])
  print([
    await script(`script, INSERT of ${ROWS} rows, ids in a column`, COUNT, ROWS, rowsOnce),
    await ours('sink, insert, idempotency key', { idempotency: 'key' }, insert),
  ])
  print([
    await guardedScript(`script, INSERT of ${ROWS} rows, ids in a table`, COUNT, rows),
    await ours('sink, insert, idempotency table', {}, insert),
  ])
  print([
    await script(`script, upsert of ${ROWS} rows`, COUNT, ROWS, best),
    await ours('sink, upsert, idempotency none', { idempotency: 'none' }, upsert),
    await ours('sink, update (row by row), none', { idempotency: 'none' }, update),
  ])
  print([
    await guardedScript(`script, upsert of ${ROWS} rows, ids in a table`, COUNT, best),
    await ours('sink, upsert, idempotency table', {}, upsert),
  ])
}
await admin.end()
