import type { RecordVerdict, SinkRecord } from '../sink.ts'
import type { Delivered, Fenced } from './delivered.ts'
import { errorKind, failed, sqlState } from './error.ts'
import { columnArrays, makeReady, type PlanParts, type Ready, type Step, stepsOf } from './plan.ts'
import type { Session } from './session.ts'
import type { PostgresWrite } from './write.ts'

export interface WriterParts extends PlanParts {
  /** `postgres:main`, for errors. */
  readonly label: string
  /** Null: records are written as they come. */
  readonly delivered: Delivered | null
  readonly statementTimeoutMs: number
}

type Batch = readonly SinkRecord<PostgresWrite>[]

const PLACED: RecordVerdict = { ok: true }
/** How long a former owner's record waits; the news that the partition is lost takes it back meanwhile. */
const FENCED_WAIT_MS = 1000

/**
 * Writes a batch in one transaction. Where the database refuses something in it, it is rolled back and written once more
 * with savepoints, halving what fails until the records that are at fault stand alone; the others are committed together.
 * Rejects where nothing can be said of single records: the connection, a deadlock, a full disk.
 */
export async function writeBatch(
  session: Session,
  batch: Batch,
  parts: WriterParts,
): Promise<readonly RecordVerdict[]> {
  await parts.delivered?.raise(session, batch)
  try {
    return await attempt(session, batch, parts, writeTogether)
  } catch (error) {
    if (errorKind(error) !== 'permanent') throw error
  }
  await session.script('ROLLBACK')
  // It may be refused only because a table was altered.
  parts.catalogue.forget()
  return attempt(session, batch, parts, writeApart)
}

/** Writes and commits, once `opened`. Answers what was refused, by place in the batch. */
type Write = (
  session: Session,
  opened: Promise<void>,
  steps: readonly Step[],
  finish: Finish,
) => Promise<ReadonlyMap<number, unknown>>
type Finish = (refused: ReadonlyMap<number, unknown>) => Promise<void>

async function attempt(session: Session, batch: Batch, parts: WriterParts, write: Write): Promise<RecordVerdict[]> {
  const { ready, refused } = await makeReady(session, batch, parts)
  const verdicts: RecordVerdict[] = []
  for (const [index, error] of refused) verdicts[index] = failed(error, whereOf(batch, index, parts))
  const opened = begin(session, parts.statementTimeoutMs)
  // Where nothing must be known before the rows are sent they follow at once.
  const admitted =
    parts.delivered === null
      ? ready
      : await admit(session, opened, batch, ready, parts.delivered, parts.label, verdicts)
  const finish: Finish = async (bad) => {
    const ids = [...bad.keys()].map((index) => (batch[index] as SinkRecord).id)
    // Not with the COMMIT at once: where the rows are refused nothing more may go out.
    if (ids.length > 0) await parts.delivered?.forget(session, ids)
    await commit(session)
  }
  const bad = await write(session, opened, stepsOf(admitted), finish)
  for (const [index, error] of bad) verdicts[index] = failed(error, whereOf(batch, index, parts))
  for (const { index } of admitted) verdicts[index] ??= PLACED
  // Where ids are noted a record that stands in the batch twice is written once.
  return parts.delivered === null ? verdicts : answerRepeated(batch, verdicts)
}

/**
 * Opens the transaction. What it sets is of the transaction, not of the connection: a pooler may give that to others. An end
 * of this process that the server does not hear of must not leave locks behind.
 */
function begin(session: Session, statementTimeoutMs: number): Promise<void> {
  const limit = Math.ceil(statementTimeoutMs)
  return session.script(
    `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = ${limit}; SET LOCAL idle_in_transaction_session_timeout = ${limit + 10_000}`,
  )
}

/** Answers which records are to be written, and gives the others their verdict: those that are there, and a former owner's. */
async function admit(
  session: Session,
  opened: Promise<void>,
  batch: Batch,
  ready: readonly Ready[],
  delivered: Delivered,
  label: string,
  verdicts: RecordVerdict[],
): Promise<readonly Ready[]> {
  const guarded = ready.map(({ index }) => batch[index] as SinkRecord)
  const [, { fenced, before }] = await allOf([opened, delivered.admit(session, guarded)])
  const bars = new Map(fenced.map((fence) => [(ready[fence.index] as Ready).index, fence]))
  const seen = new Set<string>()
  const taken = ready.filter(({ index }) => {
    const { id, assignment } = batch[index] as SinkRecord
    const bar = bars.get(index)
    if (before.has(id)) verdicts[index] = PLACED
    else if (bar !== undefined) verdicts[index] = fencedVerdict(label, assignment, bar)
    if (verdicts[index] !== undefined || seen.has(id)) return false
    seen.add(id)
    return true
  })
  const barred = [...bars.keys()]
    .map((index) => (batch[index] as SinkRecord).id)
    .filter((id) => !before.has(id) && !seen.has(id))
  if (barred.length > 0) await delivered.forget(session, barred)
  return taken
}

/** Everything at once, with the COMMIT behind it: where one statement fails the server rolls back. */
const writeTogether: Write = async (session, opened, steps, finish) => {
  await allOf([opened, ...steps.map((step) => runStep(session, step, step.records)), finish(new Map())])
  return new Map()
}

const writeApart: Write = async (session, opened, steps, finish) => {
  await opened
  // What would be checked with the COMMIT only could not be told of a record any more.
  await session.script('SET CONSTRAINTS ALL IMMEDIATE')
  const bad = new Map<number, unknown>()
  for (const step of steps) await writeHalving(session, step, step.records, bad)
  await finish(bad)
  return bad
}

async function writeHalving(
  session: Session,
  step: Step,
  records: readonly Ready[],
  bad: Map<number, unknown>,
): Promise<void> {
  try {
    await allOf([
      session.script('SAVEPOINT drakkar'),
      runStep(session, step, records),
      session.script('RELEASE SAVEPOINT drakkar'),
    ])
    return
  } catch (error) {
    if (errorKind(error) !== 'permanent') throw error
    await session.script('ROLLBACK TO SAVEPOINT drakkar; RELEASE SAVEPOINT drakkar')
    const [only] = records
    if (records.length === 1 && only !== undefined) {
      bad.set(only.index, error)
      return
    }
  }
  const half = Math.ceil(records.length / 2)
  await writeHalving(session, step, records.slice(0, half), bad)
  await writeHalving(session, step, records.slice(half), bad)
}

async function runStep(session: Session, { sql, many }: Step, records: readonly Ready[]): Promise<void> {
  if (many) await session.run(sql, columnArrays(records))
  else await allOf(records.map(({ values }) => session.run(sql, values)))
}

/** COMMIT of a transaction that failed is answered with ROLLBACK, and no error. */
async function commit(session: Session): Promise<void> {
  const { command } = await session.run('COMMIT', [])
  if (command !== 'COMMIT') throw new Error(`COMMIT was answered with ${command}`)
}

/**
 * Waits for all, also where one fails, so that nothing of a batch is under way any more; throws the first error that is
 * the cause of the others.
 */
async function allOf<T extends readonly unknown[]>(promises: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const outcomes = await Promise.allSettled(promises)
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
  if (errors.length > 0) throw errors.find((error) => sqlState(error) !== ABORTED) ?? errors[0]
  return outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : undefined)) as never
}

/** Of statements after one that failed. */
const ABORTED = '25P02'

/** One id twice in a batch is one record. */
function answerRepeated(batch: Batch, verdicts: RecordVerdict[]): RecordVerdict[] {
  const firsts = new Map<string, number>()
  for (const [index, { id }] of batch.entries()) {
    const first = firsts.get(id) ?? index
    firsts.set(id, first)
    verdicts[index] ??= verdicts[first] as RecordVerdict
  }
  return verdicts
}

function whereOf(batch: Batch, index: number, { label }: WriterParts): string {
  const { payload } = batch[index] as SinkRecord<PostgresWrite>
  return payload.op === 'statement'
    ? `${label}: statement ${payload.statement}`
    : `${label}: ${payload.op} ${payload.op === 'delete' ? 'from' : 'in'} ${payload.table.sql}`
}

function fencedVerdict(
  label: string,
  { topic, partition, owner }: SinkRecord['assignment'],
  bar: Fenced,
): RecordVerdict {
  const error = new Error(
    `${label}: a newer owner (${bar.owner}) of ${topic}:${partition} writes there, and this assignment is ${owner}: it has lost the partition, so this is left to the newer one. Where the counter was set back (a group or topic made anew), delete its row in drakkar_owners.`,
  )
  return { ok: false, kind: 'transient', error, retryAfterMs: FENCED_WAIT_MS }
}
