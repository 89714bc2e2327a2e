import { type Assignment, DrakkarError, type End, type PauseReason } from '../../../model/index.ts'
import type { Source, SourceListener, SourcePartitionView } from '../source.ts'
import { Access } from './access.ts'
import { Bounds } from './bounds.ts'
import { Committer } from './committer.ts'
import type { ClientState, KafkaConsumer } from './driver.ts'
import { Faults } from './faults.ts'
import { Gaps } from './gaps.ts'
import { Intake } from './intake.ts'
import { type KafkaSourceOptions, type KafkaSourceSettings, withDefaults } from './options.ts'
import type { Partition } from './partition.ts'
import { Rebalance } from './rebalance.ts'
import { Registry } from './registry.ts'
import { within } from './repeat.ts'
import { asStartError, checkTopics, subscription } from './subscription.ts'
import { Valve } from './valve.ts'

/** What exists from the start to the stop. */
interface Running {
  readonly consumer: KafkaConsumer
  readonly faults: Faults
  readonly valve: Valve
  readonly bounds: Bounds
  readonly committer: Committer
  readonly intake: Intake
  readonly rebalance: Rebalance
  readonly gaps: Gaps
}

/**
 * Messages from Kafka, as a member of a consumer group. Each partition starts where its commit says; what the commit's
 * map calls finished is not run again; the owner counter is acknowledged by the broker before the first message.
 */
export class KafkaSource implements Source {
  readonly #settings: KafkaSourceSettings
  readonly #registry = new Registry()
  readonly #closing = new AbortController()
  readonly #access: Access
  #running: Running | null = null
  /** Since when no broker is connected (monotonic); null while one is. */
  #awaySince: number | null = null
  #quiet = false
  #stopping: Promise<void> | null = null

  constructor(options: KafkaSourceOptions) {
    this.#settings = withDefaults(options)
    this.#access = new Access(this.#settings.consumer)
  }

  async start(listener: SourceListener): Promise<void> {
    const settings = this.#settings
    const topics = await subscription(settings, this.#closing.signal)
    const consumer = settings.driver.consumer(settings.client, { ...settings.consumer, topics })
    const running = this.#wire(consumer, listener)
    const { faults, gaps, rebalance, intake } = running
    this.#running = running
    try {
      await consumer.connect(rebalance, {
        error: (error) => {
          faults.report(error)
          const verdict = this.#access.report(error)
          if (verdict === 'denied') running.committer.doubt()
          else if (verdict !== 'other') faults.fail(verdict)
        },
        outOfRange: (at) => gaps.outOfRange(at),
        seen: (state) => this.#seen(state),
      })
      await checkTopics(consumer, topics, settings, this.#closing.signal)
      if (this.#closing.signal.aborted) throw new DrakkarError('BROKER_UNREACHABLE', 'stopped before it had started')
    } catch (error) {
      this.#abandon(running)
      await consumer.close()
      throw asStartError(error)
    }
    intake.start()
  }

  pause(assignment: Assignment, reason: PauseReason): void {
    const partition = this.#registry.ofEpoch(assignment.epoch)
    if (partition !== undefined) this.#running?.valve.pause(partition, reason)
  }

  resume(assignment: Assignment, reason: PauseReason): void {
    const partition = this.#registry.ofEpoch(assignment.epoch)
    if (partition !== undefined) this.#running?.valve.resume(partition, reason)
  }

  ended(assignment: Assignment, offset: number, _end: End): void {
    const partition = this.#registry.ofEpoch(assignment.epoch)
    if (partition === undefined || this.#running === null) {
      const { topic, partition: number } = assignment
      this.#settings.announce({ type: 'late_result', at: { topic, partition: number } })
      return
    }
    const { committer, bounds, faults } = this.#running
    const settled = partition.ledger.settle(offset)
    if (settled === 'settled') {
      committer.ended(1)
      bounds.span(partition)
    } else {
      const what = settled === 'again' ? 'ended a second time' : 'ended, but was never fetched'
      faults.report(new Error(`offset ${offset} of ${assignment.topic}:${assignment.partition} ${what}`))
    }
  }

  quiesce(): void {
    if (this.#quiet) return
    this.#quiet = true
    this.#running?.intake.quiet()
    for (const partition of this.#registry.all) this.#running?.valve.pause(partition, 'stop')
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  partitions(): readonly SourcePartitionView[] {
    const now = this.#settings.clock.monotonic()
    return this.#registry.all.map(({ assignment, ledger, reasons, claimed, commitFailure, fetchedAt, logEnd }) => ({
      assignment,
      position: ledger.position,
      committed: ledger.committed,
      paused: [...reasons],
      claimed,
      commitFailure: commitFailure && { error: commitFailure.error, forMs: now - commitFailure.since },
      end: logEnd,
      lastFetchMs: fetchedAt === null ? null : now - fetchedAt,
    }))
  }

  brokersAwayMs(): number | null {
    return this.#awaySince === null ? null : this.#settings.clock.monotonic() - this.#awaySince
  }

  denied(): string | null {
    return this.#access.denied
  }

  #seen({ connected, ends }: ClientState): void {
    if (connected && this.#registry.all.length === 0) this.#access.connected()
    if (connected) this.#awaySince = null
    else this.#awaySince ??= this.#settings.clock.monotonic()
    for (const { topic, partition, end, handedOn } of ends) {
      const owned = this.#registry.at(topic, partition)
      if (owned !== undefined) owned.logEnd = handedOn === true ? Math.min(end, owned.afterLast) : end
    }
  }

  async #stop(): Promise<void> {
    this.quiesce()
    const running = this.#running
    const { clock, stopTimeoutMs, announce } = this.#settings
    if (running === null) {
      this.#closing.abort()
      return
    }
    const begun = clock.monotonic()
    const left = this.#registry.all
    const clean = await running.committer.flush(left, begun + stopTimeoutMs, 'wait')
    const drained = clean && left.every((partition) => partition.ledger.unfinished === 0)
    this.#abandon(running)
    if (left.length > 0) {
      const assignments = left.map((partition) => partition.assignment)
      announce({ type: 'revoked', assignments, lost: false, drained, durationMs: clock.monotonic() - begun })
    }
    const { intake, rebalance, consumer, faults } = running
    try {
      await within(clock, stopTimeoutMs, Promise.all([intake.ended(), rebalance.settled()]))
      await within(clock, stopTimeoutMs, consumer.close())
    } catch (error) {
      faults.report(error)
    }
    if (!clean) throw uncommitted(stopTimeoutMs)
  }

  /** Nothing is handed on, accepted or committed any more. */
  #abandon(running: Running): void {
    this.#closing.abort()
    running.committer.stop()
    for (const partition of this.#registry.all) this.#registry.remove(partition, running.intake.poll)
  }

  #wire(consumer: KafkaConsumer, listener: SourceListener): Running {
    const settings = this.#settings
    const { clock, random, announce } = settings
    const registry = this.#registry
    const closing = this.#closing.signal
    const faults = new Faults({ clock, announce, failed: (error) => listener.failed(error) })
    const valve = new Valve({
      consumer,
      clock,
      announce,
      faults,
      // Not at once: the one that resumes is in the middle of its accounts.
      flowing: (partition) => queueMicrotask(() => intake.release(partition)),
    })
    const bounds = new Bounds(valve, settings.maxSpan)
    const access = this.#access
    const shared = { consumer, registry, valve, faults, access, clock, random, announce }
    const committer: Committer = new Committer({
      ...shared,
      partitions: () => registry.values(),
      every: settings.commitEvery,
      ageMs: settings.commitAgeMs,
      ...(settings.transactor === undefined ? {} : { transactor: settings.transactor }),
      claimed: (partition: Partition) => intake.release(partition),
      filled: (partition, fill) => bounds.metadata(partition, fill),
      overdue: (partition, forMs) => bounds.committed(partition, forMs),
      taken: () => access.committed(),
      failed: (error) => faults.report(error),
    })
    settings.transactor?.serve({ consumer, committer, valve, registry })
    const gaps: Gaps = new Gaps({
      ...shared,
      committer,
      holds: settings.holds,
      policy: settings.onOffsetGap,
      recheckMs: settings.gapRecheckMs,
      handOver: (partition) => intake.handOver(partition),
      restart: (partition, start) => rebalance.restart(partition, start),
    })
    const { maxPollRecords, pollWaitMs } = settings
    const polled = (): void => gaps.polled()
    const intake: Intake = new Intake({
      ...shared,
      bounds,
      committer,
      listener,
      maxPollRecords,
      pollWaitMs,
      closing,
      polled,
    })
    const isQuiet = (): boolean => this.#quiet
    const rebalance = new Rebalance({ ...shared, committer, intake, gaps, listener, settings, closing, isQuiet })
    return { consumer, faults, valve, bounds, committer, intake, rebalance, gaps }
  }
}

function uncommitted(afterMs: number): DrakkarError {
  return new DrakkarError('DRAIN_TIMEOUT', `the last commit was not taken within ${afterMs / 1000} s`, {
    advice:
      'What had ended since the commit before comes again at the next owner of its partitions. See commit_failed in the log.',
  })
}
