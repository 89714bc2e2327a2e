import { backoffMs, type Clock, type Random, sleep } from '../../../lib/index.ts'
import { type Announce, messageBytes, type RawMessage } from '../../../model/index.ts'
import type { SourceListener } from '../source.ts'
import type { Bounds } from './bounds.ts'
import type { Committer } from './committer.ts'
import type { KafkaConsumer } from './driver.ts'
import type { Faults } from './faults.ts'
import type { Partition } from './partition.ts'
import type { Registry } from './registry.ts'
import { REPEAT } from './repeat.ts'
import type { Valve } from './valve.ts'

/** What one poll may bring, bytes; about, since sizes are known only afterwards. */
const POLL_BYTES = 16 * 1024 * 1024
/** So long a commit waits for its answer while no poll is made; and between looks at that; milliseconds. */
const ANSWER_MS = 100
const LOOK_MS = 20
/** What a record weighs while nothing is known, bytes. */
const FIRST_GUESS = 32 * 1024

export interface IntakeParts {
  readonly consumer: Pick<KafkaConsumer, 'poll' | 'seek'>
  readonly registry: Registry
  readonly valve: Valve
  readonly bounds: Bounds
  readonly committer: Pick<Committer, 'ended' | 'awaitsMs'>
  readonly faults: Faults
  readonly listener: Pick<SourceListener, 'messages'>
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly maxPollRecords: number
  readonly pollWaitMs: number
  /** Aborts when the source stops. */
  readonly closing: AbortSignal
  /** A poll is over and what it brought is handed on. */
  readonly polled: () => void
}

/**
 * The poll loop and what becomes of its records. It always runs, also while everything is paused or drained: the client
 * lives from it.
 */
export class Intake {
  readonly #parts: IntakeParts
  readonly #arriving = new Map<Partition, number>()
  readonly #behind = new Set<Partition>()
  #loop: Promise<void> = Promise.resolve()
  #poll = 0
  #recordBytes = FIRST_GUESS
  #quiet = false
  /** Wakes the loop where it waits for room. */
  #bell: (() => void) | null = null

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Number of the poll that is under way, or was last. */
  get poll(): number {
    return this.#poll
  }

  start(): void {
    this.#parts.closing.addEventListener('abort', () => this.#bell?.(), { once: true })
    this.#loop = this.#run()
  }

  /** Resolves when the loop has ended; it ends with the `closing` signal. */
  ended(): Promise<void> {
    return this.#loop
  }

  /** From now on nothing is handed on. */
  quiet(): void {
    this.#quiet = true
  }

  /** The client will take these on at any moment; whether it has is known after one more whole poll. */
  expect(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.#arriving.set(partition, this.#poll + 1)
  }

  /** Reads the partition again from where its ledger stands; what polls bring for it until then is dropped. */
  rewind(partition: Partition): void {
    partition.takeWaiting()
    partition.staleUntil = this.#poll
    this.#behind.add(partition)
  }

  /** The assignment was claimed, or nothing stops it any more: what waited for that is handed on. */
  release(partition: Partition): void {
    if (partition.reasons.size > 0) return
    this.handOver(partition)
    this.#bell?.()
  }

  /** Hands on what waits, whatever stops the partition; nothing before its claim. */
  handOver(partition: Partition): void {
    if (!partition.alive || !partition.claimed) return
    const records = partition.takeWaiting()
    this.#parts.valve.apply(partition)
    if (records.length > 0) this.#hand(partition, records)
  }

  async #run(): Promise<void> {
    const { consumer, faults, clock, random, closing, pollWaitMs, polled } = this.#parts
    let failures = 0
    while (!closing.aborted) {
      await this.#seekBack()
      await this.#whileFull()
      this.#poll += 1
      let records: readonly RawMessage[] = []
      try {
        records = await consumer.poll(this.#most(), pollWaitMs)
        failures = 0
      } catch (error) {
        faults.report(error)
        failures += 1
        await sleep(clock, backoffMs(failures, REPEAT, random), closing)
      }
      try {
        this.#take(records)
        this.#attach()
        polled()
      } catch (error) {
        faults.fail(error)
      }
    }
  }

  /**
   * Polls bring records; while there is no room for them they stay with the client, as long as the valve has patience. The
   * answer to a commit comes by a poll too, behind what is fetched: one that is late is worth records that are kept here.
   */
  async #whileFull(): Promise<void> {
    const { valve, clock, closing, committer } = this.#parts
    while (!closing.aborted && committer.awaitsMs < ANSWER_MS) {
      const idle = valve.idleMs()
      if (idle === 0) break
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#bell = resolve
      const timer = clock.timer(Math.min(idle, LOOK_MS), resolve)
      await promise
      timer.cancel()
    }
    this.#bell = null
  }

  #most(): number {
    return Math.max(1, Math.min(this.#parts.maxPollRecords, Math.floor(POLL_BYTES / this.#recordBytes)))
  }

  /** Between polls, so that each poll's records are wholly from before a seek or wholly from after it. */
  async #seekBack(): Promise<void> {
    for (const partition of this.#behind) {
      try {
        if (partition.alive) await this.#parts.consumer.seek({ ...partition.at, offset: partition.ledger.next })
        this.#behind.delete(partition)
      } catch (error) {
        partition.staleUntil = this.#poll + 1
        this.#parts.faults.report(error)
      }
    }
  }

  #take(records: readonly RawMessage[]): void {
    const { registry } = this.#parts
    const touched: Partition[] = []
    let last: Partition | undefined
    let bytes = 0
    for (const record of records) {
      bytes += messageBytes(record)
      if (last?.at.partition !== record.partition || last.at.topic !== record.topic) {
        last = registry.at(record.topic, record.partition)
      }
      if (last === undefined) continue
      if (last.batch.length === 0) touched.push(last)
      last.batch.push(record)
    }
    if (records.length > 0) {
      const mean = bytes / records.length
      this.#recordBytes = Math.max(1, mean, 0.8 * this.#recordBytes + 0.2 * mean)
    }
    for (const partition of touched) {
      const batch = partition.batch
      partition.batch = []
      this.#arrived(partition, batch)
    }
  }

  #arrived(partition: Partition, records: readonly RawMessage[]): void {
    const { valve } = this.#parts
    if (!partition.alive) return
    if (this.#poll <= partition.staleUntil) {
      if (!this.#behind.has(partition)) this.rewind(partition)
      return
    }
    partition.attached = true
    partition.fetchedAt = this.#parts.clock.monotonic()
    this.#arriving.delete(partition)
    const keeps = !partition.claimed || partition.reasons.size > 0 || partition.waiting.length > 0
    const drops = partition.draining || this.#quiet
    if (keeps && !drops) partition.keep(records)
    // Tells the client again where it was told before: an assignment may have undone it.
    valve.apply(partition, partition.shut)
    if (keeps) this.release(partition)
    else this.#hand(partition, records)
  }

  #attach(): void {
    for (const [partition, after] of this.#arriving) {
      if (this.#poll < after) continue
      this.#arriving.delete(partition)
      partition.attached = true
      this.#parts.valve.apply(partition)
    }
  }

  #hand(partition: Partition, records: readonly RawMessage[]): void {
    if (partition.draining || this.#quiet || !partition.alive) return
    const { announce, listener, bounds, committer, faults } = this.#parts
    const { ledger, at } = partition
    this.#checkStart(partition, records)
    const fresh: RawMessage[] = []
    const done: number[] = []
    let bytes = 0
    for (const record of records) {
      const fetched = ledger.fetched(record.offset)
      if (fetched === 'out_of_order') {
        faults.fail(new Error(`offset ${record.offset} of ${at.topic}:${at.partition} came after a higher one`))
        return
      }
      if (fetched === 'known') continue
      partition.leaderEpochs.fetched(record.offset, record.leaderEpoch)
      bytes += messageBytes(record)
      if (fetched === 'done') done.push(record.offset)
      else fresh.push(record)
    }
    if (fresh.length + done.length === 0) return
    announce({ type: 'consumed', at, count: fresh.length + done.length, bytes })
    for (const offset of done) announce({ type: 'already_done', at, offset })
    if (fresh.length > 0) listener.messages(partition.assignment, fresh)
    if (done.length > 0) committer.ended(done.length)
    bounds.span(partition)
  }

  /** A first offset below the committed one: somebody moved the group, so what the commit says is finished is void. */
  #checkStart(partition: Partition, records: readonly RawMessage[]): void {
    const { ledger, at } = partition
    const first = records[0]?.offset
    if (!ledger.untouched || first === undefined || first >= ledger.next) return
    const reason = `the first fetched offset ${first} is below ${ledger.next}, where the assignment began`
    ledger.startAt(first)
    this.#parts.announce({ type: 'metadata_ignored', at, reason })
  }
}
