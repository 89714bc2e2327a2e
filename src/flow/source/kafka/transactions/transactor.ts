import { type Clock, type Random } from '../../../../lib/index.ts'
import { type Announce, type Assignment, type Holds, reasonOf } from '../../../../model/index.ts'
import type { Snapshot } from '../../../ledger/index.ts'
import type { Committer } from '../committer.ts'
import {
  type CommitAnswer,
  type CommitRequest,
  DriverError,
  type KafkaConsumer,
  type TransactionalProducer,
} from '../driver.ts'
import type { Partition } from '../partition.ts'
import type { Registry } from '../registry.ts'
import type { Valve } from '../valve.ts'
import { answersOf, isCommitted, LOST } from './answers.ts'
import { Failing } from './failing.ts'
import { Producers } from './producers.ts'
import { Refusals } from './refusals.ts'
import { Staged, type StagedOutput, type Unit, wireBytes } from './staged.ts'
import { type Outcome, transact } from './transaction.ts'
import { encoder, saidBy, tells, toldBy, type Word, wordFor } from './word.ts'

export interface TransactorOptions {
  /** A producer that is not connected yet; each of them with the same transactional id. */
  readonly make: () => TransactionalProducer
  /** The id, for messages to people. */
  readonly transactionalId: string
  /** Bytes of the largest record that the producer takes. */
  readonly maxMessageBytes: number
  /** Bytes that may wait before the intake pauses. Default 32 MiB. */
  readonly maxStagedBytes?: number
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly holds: Holds
}

/** The source that it commits for. */
export interface TransactorSource {
  readonly consumer: KafkaConsumer
  readonly committer: Pick<Committer, 'commitSoon'>
  readonly valve: Pick<Valve, 'pause' | 'resume'>
  readonly registry: Pick<Registry, 'values'>
}

/** One partition of a commit. */
export interface CommitEntry {
  readonly partition: Pick<Partition, 'alive' | 'assignment'>
  readonly request: CommitRequest
}

/**
 * Makes results, dead letters and the ends of their messages visible together. Outputs are staged; a commit of the source
 * becomes a transaction that takes with it the outputs of exactly those messages that it newly calls finished. Where it is
 * aborted the outputs stay, and go into the next one; nothing is run again for it.
 */
export class Transactor {
  readonly #options: TransactorOptions
  readonly #staged = new Staged()
  readonly #refusals: Refusals
  readonly #failing: Failing
  readonly #producers: Producers
  readonly #closing = new AbortController()
  readonly #partitionCounts = new Map<string, number>()
  #source: TransactorSource | null = null
  #isFull = false

  constructor(options: TransactorOptions) {
    const { announce, clock, holds, make, random, transactionalId } = options
    this.#options = options
    this.#producers = new Producers({ make, transactionalId, clock, random, closing: this.#closing.signal })
    this.#failing = new Failing(holds)
    this.#refusals = new Refusals({
      staged: this.#staged,
      holds,
      announce,
      now: () => clock.monotonic(),
      later: (ms) => void clock.timer(ms, () => this.#closing.signal.aborted || this.#source?.committer.commitSoon()),
    })
  }

  /** Takes the transactional id. Each user of the transactor calls it, and later `close`. */
  connect(): Promise<void> {
    return this.#producers.connect()
  }

  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    const counts = await this.#producers.describe(topics)
    for (const [topic, count] of counts) if (count !== null) this.#partitionCounts.set(topic, count)
    return counts
  }

  /** With the last user that closes, the producer goes; what is staged is forgotten. */
  async close(): Promise<void> {
    if (this.#producers.users <= 1) this.#closing.abort()
    await this.#producers.close()
  }

  /**
   * Keeps outputs for the transaction that makes the ends of their messages durable. To be called before such an end is
   * told. For each null, or why it can never be sent.
   */
  async stage(outputs: readonly StagedOutput[]): Promise<readonly (Error | null)[]> {
    const strange = outputs.filter(({ record }) => this.#isBeyond(record.topic, record.partition))
    if (strange.length > 0) await this.describe([...new Set(strange.map(({ record }) => record.topic))])
    const answers = outputs.map((output) => this.#stage(output))
    this.#measure()
    return answers
  }

  /** The message dies: what was staged with it must never become visible. */
  discard(assignment: Assignment, offset: number): void {
    this.#staged.discard(assignment.epoch, offset)
    this.#measure()
  }

  /** Whose commits it makes from now on. */
  serve(source: TransactorSource): void {
    this.#source = source
  }

  /** A round of commits begins. */
  begin(): void {
    this.#refusals.begin()
  }

  /** What the commit of this partition may say. Where it says it, the units that it tells go with it. */
  word(partition: Partition, snapshot: Snapshot): Word {
    const { assignment, at } = partition
    this.#open(partition)
    const units = this.#staged.unitsOf(assignment.epoch)
    const decode = (offset: number, metadata: string): ReturnType<typeof saidBy> => saidBy({ ...at, offset, metadata })
    const encode = encoder(at, assignment.owner, partition.metadataBudget)
    const word = wordFor(snapshot, units, (unit) => this.#refusals.bars(unit), encode, decode)
    const told = decode(word.offset, word.metadata)
    for (const unit of units) {
      unit.ended = tells(snapshot, unit)
      unit.noRoom = unit.ended && !tells(told, unit) && !this.#refusals.bars(unit)
      if (unit.noRoom) this.#refusals.cannotTry(unit)
    }
    return word
  }

  /** Something has ended and is not durable, and the next commit can say it. */
  owes({ assignment }: Pick<Partition, 'assignment'>): boolean {
    for (const unit of this.#staged.unitsOf(assignment.epoch))
      if (unit.ended && !unit.noRoom && this.#refusals.isNext(unit)) return true
    return false
  }

  /** Something has ended and is not durable, although the last commit may have been taken. */
  lacks({ assignment }: Pick<Partition, 'assignment'>): boolean {
    for (const unit of this.#staged.unitsOf(assignment.epoch)) if (unit.ended) return true
    return false
  }

  /** Commits what `word` made of the partitions' snapshots, with all that belongs to it. Rejects where it cannot tell. */
  async commit(entries: readonly CommitEntry[]): Promise<readonly CommitAnswer[]> {
    const source = this.#source
    if (source === null) throw new Error('a transactor without a source')
    const outputs = entries.flatMap((entry) => this.#toldBy(entry))
    if (outputs.length === 0) {
      if (!this.#staged.units().some((unit) => unit.ended)) this.#failing.note([], null)
      return source.consumer.commit(entries.map(({ request }) => request))
    }
    const begun = this.#options.clock.monotonic()
    const outcome = await this.#run(source.consumer, entries, outputs)
    if (this.#closing.signal.aborted && outcome.kind !== 'committed') throw outcome.error ?? new Error('closed')
    if (outcome.kind === 'committed') for (const [unit] of outputs) this.#staged.remove(unit)
    this.#tell(entries, outputs, outcome, begun)
    if (outcome.kind === 'committed') this.#refusals.passed()
    else await this.#refusals.refused(outputs, outcome.answers)
    // Only who still waits for it: a hold on another one would have nothing that lifts it.
    const waiting = outputs.filter(([unit]) => this.#staged.has(unit)).map(([unit]) => unit.assignment)
    this.#failing.note([...new Set(waiting)], outcome.error)
    this.#measure()
    return answersOf(entries, outcome.error)
  }

  #toldBy({ partition, request }: CommitEntry): (readonly [Unit, StagedOutput])[] {
    const units = toldBy(saidBy(request), this.#staged.unitsOf(partition.assignment.epoch))
    return units.flatMap((unit) => [...unit.outputs.values()].map((output) => [unit, output] as const))
  }

  async #run(
    consumer: KafkaConsumer,
    entries: readonly CommitEntry[],
    outputs: readonly (readonly [Unit, StagedOutput])[],
  ): Promise<Outcome> {
    const { clock, random } = this.#options
    let producer: TransactionalProducer
    try {
      producer = await this.#producers.current()
    } catch (error) {
      return {
        kind: 'aborted',
        error: error instanceof Error ? error : new Error(reasonOf(error)),
        answers: [],
        broken: false,
      }
    }
    const contents = {
      records: outputs.map(([, output]) => output.record),
      offsets: entries.map(({ request }) => request),
      consumer,
      spoilt: () => (entries.every(({ partition }) => partition.alive) ? null : LOST),
    }
    const outcome = await transact(producer, contents, { clock, random, closing: this.#closing.signal })
    if (outcome.broken) this.#producers.replace(producer)
    if (outcome.kind !== 'unknown') return outcome
    return this.#settled(consumer, entries, outcome)
  }

  /**
   * Nobody answered whether it was committed. A new producer of our id settles it, and then the group knows: nobody else
   * writes to our partitions. For those that are not ours any more it does not matter to us.
   */
  async #settled(consumer: KafkaConsumer, entries: readonly CommitEntry[], outcome: Outcome): Promise<Outcome> {
    const ours = entries.filter((entry) => entry.partition.alive && this.#toldBy(entry).length > 0)
    const committed = await this.#producers.settle(async () => {
      const left = ours.filter(({ partition }) => partition.alive)
      if (left.length === 0) return false
      return isCommitted(left, await consumer.committed(left.map(({ request }) => request)))
    })
    if (committed === null) return outcome
    return committed ? { ...outcome, kind: 'committed', error: null } : { ...outcome, kind: 'aborted' }
  }

  #stage(output: StagedOutput): Error | null {
    const { assignment, record } = output
    const bytes = wireBytes(record)
    const { maxMessageBytes } = this.#options
    if (bytes > maxMessageBytes)
      return new DriverError(`${bytes} bytes, and sources.kafka.max_message_bytes is ${maxMessageBytes}`, {
        code: 'ERR_MSG_SIZE_TOO_LARGE',
        errno: 10,
      })
    if (this.#isBeyond(record.topic, record.partition))
      return new DriverError(`${record.topic} has no partition ${record.partition}`, {
        code: 'ERR__UNKNOWN_PARTITION',
        errno: -190,
      })
    if (!this.#staged.isOpen(assignment.epoch)) return LOST
    this.#staged.put(output)
    return null
  }

  #isBeyond(topic: string, partition: number | undefined): boolean {
    const count = this.#partitionCounts.get(topic)
    return partition !== undefined && count !== undefined && partition >= count
  }

  /** An assignment is known from its claim to its end. */
  #open({ assignment, gone }: Partition): void {
    if (this.#staged.isOpen(assignment.epoch) || gone.aborted) return
    this.#staged.open(assignment.epoch)
    gone.addEventListener('abort', () => this.#forget(assignment), { once: true })
    if (this.#isFull) this.#turn()
  }

  #forget(assignment: Assignment): void {
    this.#staged.close(assignment.epoch)
    this.#failing.forget(assignment)
    this.#measure()
  }

  #measure(): void {
    const most = this.#options.maxStagedBytes ?? 32 * 1024 * 1024
    const full = this.#isFull ? this.#staged.bytes > most / 2 : this.#staged.bytes >= most
    if (full === this.#isFull) return
    this.#isFull = full
    this.#turn()
  }

  #turn(): void {
    if (this.#source === null) return
    const { registry, valve } = this.#source
    for (const partition of registry.values()) {
      if (this.#isFull) valve.pause(partition, 'staged')
      else valve.resume(partition, 'staged')
    }
  }

  #tell(
    entries: readonly CommitEntry[],
    outputs: readonly (readonly [Unit, StagedOutput])[],
    outcome: Outcome,
    begun: number,
  ): void {
    const { announce, clock } = this.#options
    announce({
      type: 'transaction_ended',
      committed: outcome.kind === 'committed',
      partitions: entries.length,
      records: outputs.length,
      bytes: outputs.reduce((sum, [, { record }]) => sum + wireBytes(record), 0),
      stagedBytes: this.#staged.bytes,
      durationMs: clock.monotonic() - begun,
      error: outcome.error?.message ?? null,
    })
  }
}
