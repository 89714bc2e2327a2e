import { type Clock, type Random, sleep } from '../../../lib/index.ts'
import { type Announce, type Assignment, type TopicPartition } from '../../../model/index.ts'
import { decodeMetadata, type FinishedMap, Ledger } from '../../ledger/index.ts'
import type { SourceListener } from '../source.ts'
import type { Access } from './access.ts'
import type { Committer } from './committer.ts'
import type { CommittedPosition, KafkaConsumer, RebalanceListener, StartPosition, Watermarks } from './driver.ts'
import type { Faults } from './faults.ts'
import type { Gaps } from './gaps.ts'
import type { Intake } from './intake.ts'
import type { KafkaSourceSettings } from './options.ts'
import { Partition } from './partition.ts'
import { decideStart } from './positions.ts'
import type { Registry } from './registry.ts'
import { untilItWorks } from './repeat.ts'
import type { Valve } from './valve.ts'

/** How often, and with what waits, an end of the log is read that lies below the committed offset. */
const LOOKS = 3
const LOOK_AGAIN_MS = 500

export interface RebalanceParts {
  readonly consumer: Pick<KafkaConsumer, 'committed' | 'watermarks'>
  readonly registry: Registry
  readonly valve: Valve
  readonly committer: Pick<Committer, 'commitSoon' | 'flush'>
  readonly intake: Pick<Intake, 'expect' | 'rewind' | 'poll'>
  readonly gaps: Pick<Gaps, 'found'>
  readonly faults: Faults
  readonly access: Pick<Access, 'assigned'>
  readonly listener: SourceListener
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly settings: KafkaSourceSettings
  /** Aborts when the source stops. */
  readonly closing: AbortSignal
  /** Nothing new is to be delivered: partitions arrive paused. */
  readonly isQuiet: () => boolean
}

/** What the group gives us and takes from us; one change at a time. */
export class Rebalance implements RebalanceListener {
  readonly #parts: RebalanceParts
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: RebalanceParts) {
    this.#parts = parts
  }

  /** Resolves when no change is under way. */
  settled(): Promise<unknown> {
    return this.#turn
  }

  assigned(partitions: readonly TopicPartition[]): Promise<readonly StartPosition[]> {
    // None for a member that has some says only that the group has changed.
    if (partitions.length > 0 || this.#parts.registry.all.length === 0) this.#parts.access.assigned()
    return this.#inTurn(() => this.#assign(partitions), anywhere(partitions))
  }

  revoked(partitions: readonly TopicPartition[], how: { readonly lost: boolean }): Promise<void> {
    return this.#inTurn(() => this.#giveUp(this.#parts.registry.owned(partitions), how.lost), undefined)
  }

  /** The log of this partition is another one now: ends the assignment as lost and begins a new one at `start`. */
  restart(partition: Partition, start: number): Promise<void> {
    return this.#inTurn(async () => {
      if (!partition.alive) return
      await this.#giveUp([partition], true)
      const anew = this.#partition(partition.at, { owner: partition.assignment.owner + 1, start, map: null })
      anew.attached = true
      anew.shut = partition.shut
      this.#begin([anew])
      this.#parts.intake.rewind(anew)
      this.#parts.valve.apply(anew)
    }, undefined)
  }

  async #assign(partitions: readonly TopicPartition[]): Promise<readonly StartPosition[]> {
    if (partitions.length === 0) return []
    const { registry, intake, consumer, faults, clock, random, closing } = this.#parts
    // Still ours would mean that the client lost them without a call; what runs for them is of the past.
    await this.#giveUp(registry.owned(partitions), true)
    const repeat = { clock, random, signal: closing, failed: (error: unknown) => faults.report(error) }
    const committed = await untilItWorks(() => consumer.committed(partitions), repeat)
    if (committed === undefined) return anywhere(partitions)
    const marks = await Promise.all(committed.map((at) => this.#marks(at)))
    const begun = committed.map((at, index) => this.#open(at, marks[index] ?? null))
    this.#begin(begun.map(({ partition }) => partition))
    intake.expect(begun.map(({ partition }) => partition))
    for (const { partition, hold } of begun) {
      if (hold) this.#parts.gaps.found(partition)
      if (!partition.resolved) void this.#resolve(partition)
    }
    return begun.map(({ start }) => start)
  }

  /**
   * Null where they cannot be read now. An end of the log below the committed offset means that the log is another one,
   * and everything would be run again: it is believed only when the broker still says so a little later, as an end can
   * lag for a moment, after a change of the leader for one.
   */
  async #marks(at: CommittedPosition): Promise<Watermarks | null> {
    const { consumer, clock, closing, faults } = this.#parts
    try {
      for (let look = 1; ; look += 1) {
        const marks = await consumer.watermarks(at)
        if (at.offset === null || at.offset <= marks.high || look === LOOKS || closing.aborted) return marks
        await sleep(clock, LOOK_AGAIN_MS, closing)
      }
    } catch (error) {
      faults.report(error)
      return null
    }
  }

  #open(
    at: CommittedPosition,
    marks: Watermarks | null,
  ): { partition: Partition; start: StartPosition; hold: boolean } {
    const { settings, announce } = this.#parts
    const { topic, partition } = at
    const plan = decideStart({
      committed: at.offset,
      marks,
      reset: settings.autoOffsetReset,
      onGap: settings.onOffsetGap,
    })
    const said = this.#decode(at)
    const start = typeof plan.start === 'number' ? plan.start : null
    const opened = this.#partition(
      { topic, partition },
      { owner: said.owner, start, map: plan.keepMap ? said.map : null },
    )
    if (plan.expired !== null) announce({ type: 'expired', at: opened.at, ...plan.expired })
    return { partition: opened, start: { topic, partition, offset: plan.start }, hold: plan.hold }
  }

  /**
   * The owner counter is one above the last one. Where that is not known (first commit, reset by hand, damaged), it is
   * the wall time: it must not be below a counter that a sink has seen, and no counter grows by one a millisecond.
   */
  #decode(at: CommittedPosition): { owner: number; map: FinishedMap | null } {
    const { announce, clock } = this.#parts
    const unknown = { owner: Math.floor(clock.now()), map: null }
    if (at.offset === null || at.metadata === '') return unknown
    const decoded = decodeMetadata(at, at.offset, at.metadata)
    if (decoded.ok) return { owner: decoded.value.owner + 1, map: decoded.value.map }
    announce({
      type: 'metadata_ignored',
      at: { topic: at.topic, partition: at.partition },
      reason: decoded.reason,
    })
    return unknown
  }

  #partition(
    at: TopicPartition,
    of: { readonly owner: number; readonly start: number | null; readonly map: FinishedMap | null },
  ): Partition {
    const { settings } = this.#parts
    const assignment: Assignment = { ...at, epoch: settings.nextEpoch(), owner: of.owner }
    return new Partition({
      assignment,
      ledger: new Ledger(of.start ?? 0, of.map),
      resolved: of.start !== null,
      metadataBudget: settings.metadataBudget,
    })
  }

  #begin(partitions: readonly Partition[]): void {
    const { registry, valve, listener, announce, committer, isQuiet } = this.#parts
    const assignments = partitions.map((partition) => partition.assignment)
    for (const partition of partitions) {
      registry.add(partition)
      if (isQuiet()) valve.pause(partition, 'stop')
    }
    announce({ type: 'assigned', assignments })
    listener.assigned(assignments)
    committer.commitSoon()
  }

  /** Finds out where a partition begins whose log could not be asked: at its first record, or at the log's end. */
  async #resolve(partition: Partition): Promise<void> {
    const { consumer, clock, random, faults, committer, settings } = this.#parts
    const repeat = { clock, random, signal: partition.gone, failed: (error: unknown) => faults.report(error) }
    const marks = await untilItWorks(() => consumer.watermarks(partition.at), repeat)
    if (marks === undefined) return
    const edge = settings.autoOffsetReset === 'earliest' ? marks.low : marks.high
    partition.ledger.startAt(partition.waiting[0]?.offset ?? edge)
    partition.resolved = true
    committer.commitSoon()
  }

  async #giveUp(partitions: readonly Partition[], lost: boolean): Promise<void> {
    if (partitions.length === 0) return
    const { registry, valve, listener, committer, clock, announce, intake, settings } = this.#parts
    const begun = clock.monotonic()
    const assignments = partitions.map((partition) => partition.assignment)
    for (const partition of partitions) {
      partition.draining = true
      if (lost) registry.remove(partition, intake.poll)
      else valve.pause(partition, 'drain')
    }
    const deadline = begun + (lost ? 0 : settings.drainTimeoutMs)
    const drained = await listener.revoked(assignments, { lost, deadline })
    if (!lost) await committer.flush(partitions, clock.monotonic() + settings.revokeCommitMs, 'give up')
    for (const partition of partitions) registry.remove(partition, intake.poll)
    announce({ type: 'revoked', assignments, lost, drained, durationMs: clock.monotonic() - begun })
  }

  /** A change that throws is a fault of ours or of the listener: the source ends, but the group gets its answer. */
  #inTurn<T>(change: () => Promise<T>, otherwise: T): Promise<T> {
    const turn = this.#turn.then(change).catch((error: unknown) => {
      this.#parts.faults.fail(error)
      return otherwise
    })
    this.#turn = turn
    return turn
  }
}

/** The client wants a position for each partition, even when the source ends and nothing will be handed on. */
function anywhere(partitions: readonly TopicPartition[]): readonly StartPosition[] {
  return partitions.map(({ topic, partition }) => ({ topic, partition, offset: 'earliest' }))
}
