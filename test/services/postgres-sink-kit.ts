import pg from 'pg'
import { onTestFinished } from 'vitest'
import {
  createPostgresSink,
  type PostgresLinkOptions,
  type PostgresSinkOptions,
  postgresLink,
  type Sink,
} from '../../src/flow/sinks/index.ts'
import { systemClock } from '../../src/lib/index.ts'

export type PostgresOptions = Partial<PostgresSinkOptions & PostgresLinkOptions>

export interface OpenedPostgres {
  readonly sink: Sink
  /** Another client, to look at what is there, in the same schema. */
  readonly look: pg.Client
  readonly dsn: string
}

let schemas = 0

/** A schema of its own, in which names are looked up, with tables in it, and a sink that is connected. */
export async function openPostgresSink(
  dsn: string,
  ddl: string,
  options: PostgresOptions = {},
): Promise<OpenedPostgres> {
  const made = await postgresSchema(dsn, ddl)
  const sink = postgresSink(options.dsn ?? made.dsn, options)
  onTestFinished(() => sink.close())
  await sink.connect()
  return { sink, ...made }
}

export async function postgresSchema(dsn: string, ddl: string): Promise<Omit<OpenedPostgres, 'sink'>> {
  schemas += 1
  const name = `t${process.pid}_${schemas}`
  const own = withSchema(dsn, name)
  const look = await postgresClient(own)
  await look.query(`CREATE SCHEMA ${name}; ${ddl}`)
  return { look, dsn: own }
}

export const withSchema = (dsn: string, name: string): string =>
  `${dsn}${dsn.includes('?') ? '&' : '?'}options=-csearch_path%3D${name}`

/** Outlives its server. */
export async function postgresClient(connectionString: string): Promise<pg.Client> {
  const made = new pg.Client({ connectionString })
  made.on('error', () => undefined)
  await made.connect()
  onTestFinished(() => made.end())
  return made
}

/** Not connected. */
export function postgresSink(dsn: string, options: PostgresOptions = {}): Sink {
  const link = postgresLink({
    name: 'main',
    poolMin: 0,
    poolMax: 4,
    connectTimeoutMs: 5000,
    answerTimeoutMs: 8000,
    ...options,
    dsn,
  })
  return createPostgresSink({ name: 'main', clock: systemClock, scope: 'group', ...options, link })
}

export async function rowsOf<Row extends object = object>(look: pg.Client, sql: string): Promise<readonly Row[]> {
  return (await look.query<Row>(sql)).rows
}

export async function countOf(look: pg.Client, table: string): Promise<number> {
  const [row] = await rowsOf<{ n: string }>(look, `SELECT count(*) AS n FROM ${table}`)
  return Number(row?.n)
}
