import type { Clock } from '../../../lib/index.ts'
import type { Announce, PauseReason } from '../../../model/index.ts'
import type { KafkaConsumer } from './driver.ts'
import type { Faults } from './faults.ts'
import type { Partition } from './partition.ts'

/** Wait before a pause or resume that the client refused is tried again, milliseconds. */
const AGAIN_MS = 1000

/** Stops and lets flow the intake of a partition. Reasons add up: it flows again when the last one is gone. */
export class Valve {
  readonly #consumer: Pick<KafkaConsumer, 'pause' | 'resume'>
  readonly #clock: Clock
  readonly #announce: Announce
  readonly #faults: Faults

  constructor(of: {
    consumer: Pick<KafkaConsumer, 'pause' | 'resume'>
    clock: Clock
    announce: Announce
    faults: Faults
  }) {
    this.#consumer = of.consumer
    this.#clock = of.clock
    this.#announce = of.announce
    this.#faults = of.faults
  }

  pause(partition: Partition, reason: PauseReason): void {
    if (!partition.alive || partition.reasons.has(reason)) return
    partition.reasons.add(reason)
    this.#announce({ type: 'paused', at: partition.at, reason })
    this.apply(partition)
  }

  resume(partition: Partition, reason: PauseReason): void {
    if (!partition.alive || !partition.reasons.delete(reason)) return
    this.#announce({ type: 'resumed', at: partition.at, reason })
    this.apply(partition)
  }

  /** Tells the client what is wanted, where it was told otherwise. With `again` also where it was told the same. */
  apply(partition: Partition, again: boolean = false): void {
    const shut = partition.reasons.size > 0 || partition.waiting.length > 0
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
}
