import type { Assignment } from '../../../model/index.ts'
import type { SinkRecord } from '../sink.ts'
import { arrayLiteral } from './column-type.ts'
import { quoted } from './identifier.ts'
import type { Session } from './session.ts'

export interface DeliveredOptions {
  /** Schema of the two tables; null: the first one of the search path. */
  readonly schema: string | null
  /** Keeps the ids of one application (its consumer group) apart from those of others. */
  readonly scope: string
}

/** A former owner's record, and the owner counter that is there. */
export interface Fenced {
  readonly index: number
  readonly owner: number
}

const ROWS_TO_PRUNE = 20_000

/**
 * The tables `drakkar_delivered` (ids of records that are written) and `drakkar_owners` (the highest owner counter of each
 * partition). Both are read and written in the transaction that writes the records.
 */
export class Delivered {
  readonly #scope: string
  readonly #delivered: string
  readonly #owners: string
  readonly #schema: string | null
  /** Highest owner that this process has written for a partition. */
  readonly #raised = new Map<string, number>()

  constructor({ schema, scope }: DeliveredOptions) {
    const prefix = schema === null ? '' : `${quoted(schema)}.`
    this.#schema = schema
    this.#scope = scope
    this.#delivered = `${prefix}drakkar_delivered`
    this.#owners = `${prefix}drakkar_owners`
  }

  /** What creates the tables. */
  get ddl(): string {
    return ddl(this.#delivered, this.#owners)
  }

  /**
   * Creates what is missing, where that is allowed; with `try` it is taken back again. Rejects with the server's error.
   */
  async prepare(session: Session, create: boolean | 'try'): Promise<void> {
    const { rows } = await session.run<{ missing: boolean }>(
      'SELECT to_regclass($1) IS NULL OR to_regclass($2) IS NULL AS missing',
      [this.#delivered, this.#owners],
    )
    let making = ''
    if (rows[0]?.missing === true) {
      if (create === false) throw new Error(`the tables ${this.#delivered} and ${this.#owners} do not exist`)
      // Two workers that start at once: CREATE … IF NOT EXISTS alone can collide.
      const schema = this.#schema === null ? '' : `CREATE SCHEMA IF NOT EXISTS ${quoted(this.#schema)};`
      making = `SELECT pg_advisory_xact_lock(1146241355); ${schema} ${this.ddl}`
      if (create !== 'try') {
        await session.script(`BEGIN; ${making} COMMIT`)
        making = ''
      }
    }
    // What it may not do later is told now.
    await session.script(
      `BEGIN; ${making} SELECT 1 FROM ${this.#owners} WHERE false FOR SHARE; DELETE FROM ${this.#delivered} WHERE false; INSERT INTO ${this.#delivered} (scope, id) SELECT '', '' WHERE false; INSERT INTO ${this.#owners} (scope, topic, partition, owner) SELECT '', '', 0, 0 WHERE false; ROLLBACK`,
    )
  }

  /** Raises the owners of a batch's partitions where this process has not done so yet; outside of a transaction. */
  async raise(session: Session, batch: readonly SinkRecord[]): Promise<void> {
    const higher = [...ownersOf(batch).values()].filter((own) => (this.#raised.get(nameOf(own)) ?? 0) < own.owner)
    if (higher.length === 0) return
    await session.run(
      `INSERT INTO ${this.#owners} AS o (scope, topic, partition, owner)
       SELECT $1, r.topic, r.partition, r.owner FROM unnest($2::text[], $3::int[], $4::int8[]) AS r(topic, partition, owner)
       ORDER BY 2, 3 ON CONFLICT (scope, topic, partition) DO UPDATE SET owner = EXCLUDED.owner WHERE o.owner < EXCLUDED.owner`,
      [this.#scope, ...partitionArrays(higher), arrayLiteral(higher.map(({ owner }) => String(owner)))],
    )
    for (const own of higher) this.#raised.set(nameOf(own), own.owner)
  }

  /**
   * In a transaction: keeps the owners as they are until it ends, and notes the ids. Answers which records are of a former
   * owner (their ids must be taken back with `forget`), and which were written before.
   */
  async admit(
    session: Session,
    batch: readonly SinkRecord[],
  ): Promise<{ readonly fenced: readonly Fenced[]; readonly before: ReadonlySet<string> }> {
    const owners = ownersOf(batch)
    const ids = [...new Set(batch.map(({ id }) => id))].sort()
    const [kept, noted] = await Promise.all([
      session.run<{ topic: string; partition: number; owner: string }>(
        `SELECT topic, partition, owner FROM ${this.#owners} WHERE scope = $1
         AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[])) FOR SHARE`,
        [this.#scope, ...partitionArrays([...owners.values()])],
      ),
      session.run<{ id: string }>(
        `INSERT INTO ${this.#delivered} (scope, id) SELECT $1, id FROM unnest($2::text[]) AS id
         ON CONFLICT (scope, id) DO NOTHING RETURNING id`,
        [this.#scope, arrayLiteral(ids)],
      ),
    ])
    const there = new Map(kept.rows.map((row) => [nameOf(row), Number(row.owner)]))
    this.#checkRaised(owners, there)
    const fenced = batch.flatMap(({ assignment }, index) => {
      const owner = there.get(nameOf(assignment)) ?? 0
      return owner > assignment.owner ? [{ index, owner }] : []
    })
    const fresh = new Set(noted.rows.map(({ id }) => id))
    return { fenced, before: new Set(ids.filter((id) => !fresh.has(id))) }
  }

  /** In the same transaction: these were not written after all. */
  async forget(session: Session, ids: readonly string[]): Promise<void> {
    await session.run(`DELETE FROM ${this.#delivered} WHERE scope = $1 AND id = ANY($2::text[])`, [
      this.#scope,
      arrayLiteral(ids),
    ])
  }

  /** Takes ids out that are older; some at once, so that it is soon done. */
  async prune(session: Session, olderThanMs: number): Promise<void> {
    await session.run(
      `DELETE FROM ${this.#delivered} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${this.#delivered}
       WHERE scope = $1 AND delivered_at < now() - make_interval(secs => $2::float8) LIMIT ${ROWS_TO_PRUNE}))`,
      [this.#scope, String(olderThanMs / 1000)],
    )
  }

  /** Somebody took owners out of the table: they are written again with the next attempt. */
  #checkRaised(owners: ReadonlyMap<string, Assignment>, there: ReadonlyMap<string, number>): void {
    const lost = [...owners].filter(([name, { owner }]) => (there.get(name) ?? 0) < owner)
    if (lost.length === 0) return
    for (const [name] of lost) this.#raised.delete(name)
    throw new Error(`${this.#owners} has lost owners that were in it; they are written again`)
  }
}

/** What creates the two tables, for who does it by hand. */
export function ddl(delivered: string, owners: string): string {
  return `CREATE TABLE IF NOT EXISTS ${delivered} (scope text NOT NULL, id text NOT NULL, delivered_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (scope, id)); CREATE INDEX IF NOT EXISTS drakkar_delivered_at ON ${delivered} USING brin (delivered_at); CREATE TABLE IF NOT EXISTS ${owners} (scope text NOT NULL, topic text NOT NULL, partition integer NOT NULL, owner bigint NOT NULL, PRIMARY KEY (scope, topic, partition));`
}

/** The highest owner of each partition of a batch. */
function ownersOf(batch: readonly SinkRecord[]): Map<string, Assignment> {
  const owners = new Map<string, Assignment>()
  for (const { assignment } of batch) {
    const name = nameOf(assignment)
    if ((owners.get(name)?.owner ?? -1) < assignment.owner) owners.set(name, assignment)
  }
  return owners
}

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}:${partition}`

function partitionArrays(owners: readonly Assignment[]): [string, string] {
  return [
    arrayLiteral(owners.map(({ topic }) => topic)),
    arrayLiteral(owners.map(({ partition }) => String(partition))),
  ]
}
