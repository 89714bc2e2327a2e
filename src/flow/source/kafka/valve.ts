import type { Clock } from '../../../lib/index.ts'
import type { Announce, PauseReason } from '../../../model/index.ts'
import type { KafkaConsumer } from './driver.ts'
import type { Faults } from './faults.ts'
import type { Partition } from './partition.ts'

/** Wait before a pause or resume that the client refused is tried again, milliseconds. */
const AGAIN_MS = 1000
/**
 * How long the client is not told that a partition has no room, milliseconds. To pause it there throws away what is
 * fetched already, up to a megabyte, and where work flows there is room again within milliseconds.
 */
const PATIENCE_MS = 500
/** With so much kept of a stopped partition there is no patience left: records, bytes. */
const MOST_KEPT = { records: 5_000, bytes: 1024 * 1024 }

/** Stops and lets flow the intake of a partition. Reasons add up: it flows again when the last one is gone. */
export class Valve {
  readonly #consumer: Pick<KafkaConsumer, 'pause' | 'resume'>
  readonly #clock: Clock
  readonly #announce: Announce
  readonly #faults: Faults
  /** Stopped, while the client does not know it yet; with the time (monotonic) at which it is told. */
  readonly #patient = new Map<Partition, number>()
  readonly #flowing: (partition: Partition) => void

  constructor(of: {
    consumer: Pick<KafkaConsumer, 'pause' | 'resume'>
    clock: Clock
    announce: Announce
    faults: Faults
    /** The last reason of this partition is gone. */
    flowing: (partition: Partition) => void
  }) {
    this.#consumer = of.consumer
    this.#clock = of.clock
    this.#announce = of.announce
    this.#faults = of.faults
    this.#flowing = of.flowing
  }

  pause(partition: Partition, reason: PauseReason): void {
    if (!partition.alive || partition.reasons.has(reason)) return
    if (partition.reasons.size === 0) this.#patient.set(partition, this.#clock.monotonic() + PATIENCE_MS)
    partition.reasons.add(reason)
    this.#announce({ type: 'paused', at: partition.at, reason })
    this.apply(partition)
  }

  resume(partition: Partition, reason: PauseReason): void {
    if (!partition.alive || !partition.reasons.delete(reason)) return
    this.#announce({ type: 'resumed', at: partition.at, reason })
    this.apply(partition)
    if (partition.reasons.size === 0) this.#flowing(partition)
  }

  /** Tells the client what is wanted, where it was told otherwise. With `again` also where it was told the same. */
  apply(partition: Partition, again: boolean = false): void {
    const shut = this.#mustShut(partition)
    if (!partition.alive || !partition.attached || (shut === partition.shut && !again)) return
    try {
      if (shut) this.#consumer.pause([partition.at])
      else this.#consumer.resume([partition.at])
      partition.shut = shut
    } catch (error) {
      this.#faults.report(error)
      this.#clock.timer(AGAIN_MS, () => this.apply(partition))
    }
  }

  /**
   * For how long polling can wait, milliseconds: the worker has enough to do, and the client still fetches for a partition
   * that takes no more. Others wait with it, for so short a time: a poll brings what comes first, and that is most likely
   * more of the same. 0 where no partition waits for room, or where the client knows of all that do.
   */
  idleMs(): number {
    const now = this.#clock.monotonic()
    let idle = 0
    for (const [partition, until] of this.#patient) {
      if (partition.alive && until > now) idle = idle === 0 ? until - now : Math.min(idle, until - now)
      else this.#impatient(partition)
    }
    return idle
  }

  #mustShut(partition: Partition): boolean {
    const { claimed, reasons, waiting, waitingBytes } = partition
    const forRoom = claimed && reasons.size === 1 && reasons.has('backpressure:messages')
    const few = waiting.length < MOST_KEPT.records && waitingBytes < MOST_KEPT.bytes
    if (forRoom && few && this.#patient.has(partition)) return false
    this.#patient.delete(partition)
    return reasons.size > 0 || (!claimed && waiting.length > 0)
  }

  #impatient(partition: Partition): void {
    this.#patient.delete(partition)
    this.apply(partition)
  }
}
