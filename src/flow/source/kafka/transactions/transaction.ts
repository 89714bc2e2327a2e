import { type BackoffOptions, backoffMs, type Clock, type Random, sleep } from '../../../../lib/index.ts'
import { reasonOf } from '../../../../model/index.ts'
import {
  type CommitRequest,
  DriverError,
  type KafkaConsumer,
  type ProducerRecord,
  type TransactionalProducer,
} from '../driver.ts'

const BACKOFF: BackoffOptions = { initialMs: 50, maxMs: 1000 }

/** What is to become visible together. */
export interface Contents {
  readonly records: readonly ProducerRecord[]
  readonly offsets: readonly CommitRequest[]
  readonly consumer: KafkaConsumer
  /** Why it may not be committed any more although nothing failed; null while it may. */
  readonly spoilt: () => Error | null
}

/** How a transaction ended. `unknown`: the broker was told to commit it, and its answer never came. */
export interface Outcome {
  readonly kind: 'committed' | 'aborted' | 'unknown'
  readonly error: Error | null
  /** For each record why it was not taken; empty where that is not known. */
  readonly answers: readonly (Error | null)[]
  /** The producer can do nothing any more. */
  readonly broken: boolean
}

interface Surroundings {
  readonly clock: Clock
  readonly random: Random
  /** Aborts when nobody waits for the outcome any more. */
  readonly closing: AbortSignal
}

/** One transaction from its beginning to its end. Never rejects. What may work the next time is called again. */
export async function transact(
  producer: TransactionalProducer,
  contents: Contents,
  around: Surroundings,
): Promise<Outcome> {
  const unbegun = await failureOf(producer.begin())
  if (unbegun !== null) return { kind: 'aborted', error: unbegun, answers: [], broken: !isRetriable(unbegun) }
  const sent = producer.sendAll(contents.records)
  const offsets = await failureOf(producer.sendOffsets(contents.offsets, contents.consumer))
  // What the group refused is not worth waiting for; an abort takes back what is still on its way.
  const answers = offsets === null ? await sent : []
  const failed = offsets ?? answers.find((answer) => answer !== null) ?? contents.spoilt()
  if (failed !== null) {
    const broken = await abort(producer, around)
    // From a producer that is broken answers may be long in coming.
    const known = offsets === null || broken ? answers : await sent
    return { kind: 'aborted', error: firstCause(known) ?? failed, answers: known, broken: broken || isFatal(failed) }
  }
  return commit(producer, answers, around)
}

async function commit(
  producer: TransactionalProducer,
  answers: readonly (Error | null)[],
  around: Surroundings,
): Promise<Outcome> {
  const error = await insist(() => producer.commit(), around)
  if (error === null) return { kind: 'committed', error: null, answers, broken: false }
  if (error instanceof DriverError && error.abortable)
    return { kind: 'aborted', error, answers, broken: await abort(producer, around) }
  return { kind: 'unknown', error, answers, broken: true }
}

/** True where the producer could not do it: then another one of its id will. */
async function abort(producer: TransactionalProducer, around: Surroundings): Promise<boolean> {
  return (await insist(() => producer.abort(), around)) !== null
}

/** Calls while the client says that the same call may work; null when it did. */
async function insist(call: () => Promise<void>, { clock, random, closing }: Surroundings): Promise<Error | null> {
  for (let attempt = 1; ; attempt += 1) {
    const error = await failureOf(call())
    if (error === null || !isRetriable(error) || closing.aborted) return error
    await sleep(clock, backoffMs(attempt, BACKOFF, random), closing)
  }
}

async function failureOf(call: Promise<void>): Promise<Error | null> {
  try {
    await call
    return null
  } catch (error) {
    return error instanceof Error ? error : new Error(reasonOf(error))
  }
}

function isRetriable(error: Error): boolean {
  return error instanceof DriverError && error.retriable && !error.fatal && !error.abortable
}

function isFatal(error: Error): boolean {
  return error instanceof DriverError && error.fatal
}

/** Purged in the queue or in flight: taken back because of another one. */
const TAKEN_BACK: ReadonlySet<number> = new Set([-152, -151])

/** Once one record fails the client gives up all others, and the offsets too: the one is the reason. */
function firstCause(answers: readonly (Error | null)[]): Error | null {
  return answers.find((answer) => answer !== null && !isTakenBack(answer)) ?? null
}

function isTakenBack(error: Error): boolean {
  return error instanceof DriverError && TAKEN_BACK.has(error.errno)
}
