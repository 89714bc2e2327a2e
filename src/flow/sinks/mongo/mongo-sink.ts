import type { RecordVerdict, Sink, SinkRecord } from '../sink.ts'
import { mongoErrorKind, shownError } from './mongo-error.ts'
import type { BulkResult, MongoLink } from './mongo-link.ts'
import { type BulkOperation, type MongoWrite, mongoWrite } from './mongo-write.ts'
import type { MongoStatement } from './statement.ts'

export interface MongoSinkOptions {
  /** Name of the instance: the key under `sinks.mongo`. */
  readonly name: string
  /** Of this sink alone: it is connected and closed with it. */
  readonly link: Pick<MongoLink, 'connect' | 'write' | 'present' | 'close'>
  readonly statements?: Readonly<Record<string, MongoStatement>>
  /** Operations of a batch in its order. Default true. */
  readonly ordered?: boolean
}

/** A sink that writes to collections of a MongoDB database. */
export function createMongoSink(options: MongoSinkOptions): Sink<MongoWrite> {
  return new MongoSink(options)
}

const DONE: RecordVerdict = { ok: true }

/** A record of a batch on its way through one bulk write. */
interface Pending {
  readonly index: number
  readonly record: SinkRecord<MongoWrite>
  /** An upsert that lost a race is tried a second time: then it finds what the winner made. */
  readonly second?: boolean
}

class MongoSink implements Sink<MongoWrite> {
  readonly kind = 'mongo'
  readonly name: string
  readonly #options: MongoSinkOptions
  readonly #ordered: boolean

  constructor(options: MongoSinkOptions) {
    this.name = options.name
    this.#options = options
    this.#ordered = options.ordered ?? true
  }

  accept(payload: unknown): MongoWrite {
    return mongoWrite(payload, this.#options.statements ?? {})
  }

  size(payload: MongoWrite): number {
    return payload.bytes
  }

  connect(): Promise<void> {
    return this.#options.link.connect()
  }

  async deliver(batch: readonly SinkRecord<MongoWrite>[], signal: AbortSignal): Promise<readonly RecordVerdict[]> {
    const verdicts: RecordVerdict[] = []
    for (const run of runsOf(batch, this.#ordered)) {
      await this.#write(run, verdicts, signal)
    }
    return verdicts
  }

  close(): Promise<void> {
    return this.#options.link.close()
  }

  /** Writes records of one collection until each has its verdict. */
  async #write(run: readonly Pending[], verdicts: RecordVerdict[], signal: AbortSignal): Promise<void> {
    let left = run
    while (left.length > 0) {
      if (signal.aborted) return this.#answerAll(left, new Error('the time for this attempt is over'), verdicts)
      const collection = left[0]?.record.payload.collection ?? ''
      const result = await this.#options.link.write(collection, left.map(operationOf), this.#ordered)
      if (result.failed.size === 0 && result.error !== null) return this.#failed(left, result.error, verdicts, signal)
      const { duplicates, again } = this.#take(left, result, verdicts)
      left = [...again, ...left.slice(result.untriedFrom)]
      const passing = [...result.failed.values()].find((error) => mongoErrorKind(error) === 'transient')
      // What is in order is not tried before what must come first. Whether a duplicate was ours is for the next attempt.
      if (passing !== undefined && left.length > 0) return this.#answerAll([...duplicates, ...left], passing, verdicts)
      if (duplicates.length > 0) left = await this.#sortOut(collection, duplicates, left, verdicts)
    }
  }

  /** Verdicts for what was tried; what needs a second look comes back. */
  #take(
    tried: readonly Pending[],
    { failed, error, untriedFrom }: BulkResult,
    verdicts: RecordVerdict[],
  ): { readonly duplicates: readonly Pending[]; readonly again: readonly Pending[] } {
    const duplicates: Pending[] = []
    const again: Pending[] = []
    for (const [place, pending] of tried.slice(0, untriedFrom).entries()) {
      const fault = failed.get(place)
      if (fault === undefined) {
        verdicts[pending.index] = error === null ? DONE : this.#verdict(pending, error, 'transient')
        continue
      }
      const kind = mongoErrorKind(fault)
      verdicts[pending.index] = this.#verdict(pending, fault, kind === 'transient' ? 'transient' : 'permanent')
      if (kind !== 'duplicate') continue
      if (pending.record.payload.ownId) duplicates.push(pending)
      else if (isUpsert(pending) && pending.second !== true) again.push({ ...pending, second: true })
    }
    return { duplicates, again }
  }

  /**
   * A duplicate of an id of ours was written before, if the id is there; else another unique index refused it. One that came
   * again rarely comes alone, so the rest is asked for too. Answers what is left to write.
   */
  async #sortOut(
    collection: string,
    duplicates: readonly Pending[],
    rest: readonly Pending[],
    verdicts: RecordVerdict[],
  ): Promise<readonly Pending[]> {
    const asked = [...duplicates, ...rest.filter(({ record }) => record.payload.ownId)]
    let there: ReadonlySet<unknown>
    try {
      there = await this.#options.link.present(
        collection,
        asked.map(({ record }) => record.id),
      )
    } catch (error) {
      this.#answerAll([...duplicates, ...rest], error, verdicts)
      return []
    }
    for (const { record, index } of asked) if (there.has(record.id)) verdicts[index] = DONE
    return rest.filter(({ record }) => !(record.payload.ownId && there.has(record.id)))
  }

  /** Nothing is known of any operation: where it was one operation's fault, halves find it. */
  async #failed(
    left: readonly Pending[],
    error: unknown,
    verdicts: RecordVerdict[],
    signal: AbortSignal,
  ): Promise<void> {
    if (mongoErrorKind(error) === 'transient') return this.#answerAll(left, error, verdicts)
    const [first] = left
    if (left.length === 1 && first !== undefined) {
      verdicts[first.index] = this.#verdict(first, error, 'permanent')
      return
    }
    const half = Math.ceil(left.length / 2)
    await this.#write(left.slice(0, half), verdicts, signal)
    await this.#write(left.slice(half), verdicts, signal)
  }

  #answerAll(left: readonly Pending[], error: unknown, verdicts: RecordVerdict[]): void {
    for (const pending of left) verdicts[pending.index] = this.#verdict(pending, error, 'transient')
  }

  #verdict({ record }: Pending, error: unknown, kind: 'transient' | 'permanent'): RecordVerdict {
    const { op, collection } = record.payload
    const text = `mongo:${this.name} ${op} ${collection}: ${shownError(error)}`
    // What is said of one operation holds its whole document, which has no place in a log.
    return { ok: false, kind, error: new Error(text, error instanceof Error ? { cause: error } : undefined) }
  }
}

/** In order: neighbours on one collection. Otherwise: all on one collection. */
function runsOf(batch: readonly SinkRecord<MongoWrite>[], ordered: boolean): readonly (readonly Pending[])[] {
  const runs: Pending[][] = []
  const byCollection = new Map<string, Pending[]>()
  for (const [index, record] of batch.entries()) {
    const { collection } = record.payload
    const last = runs.at(-1)
    const known = ordered
      ? last?.[0]?.record.payload.collection === collection
        ? last
        : undefined
      : byCollection.get(collection)
    const run = known ?? []
    if (known === undefined) {
      runs.push(run)
      byCollection.set(collection, run)
    }
    run.push({ index, record })
  }
  return runs
}

function operationOf({ record }: Pending): BulkOperation {
  const { operation, ownId } = record.payload
  if (!ownId || !('insertOne' in operation)) return operation
  return { insertOne: { document: { _id: record.id, ...operation.insertOne.document } } }
}

function isUpsert({ record }: Pending): boolean {
  const { operation } = record.payload
  if ('updateOne' in operation) return operation.updateOne.upsert
  return 'replaceOne' in operation && operation.replaceOne.upsert
}
