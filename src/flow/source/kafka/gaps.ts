import { backoffMs, type Clock, type Random, sleep } from '../../../lib/index.ts'
import { type Announce, type Holds, partitionKey, type TopicPartition } from '../../../model/index.ts'
import type { Committer } from './committer.ts'
import type { KafkaConsumer } from './driver.ts'
import type { Faults } from './faults.ts'
import type { Partition } from './partition.ts'
import { decideGap, type GapPolicy, type GapStep } from './positions.ts'
import type { Registry } from './registry.ts'
import { REPEAT } from './repeat.ts'
import type { Valve } from './valve.ts'

export interface GapsParts {
  readonly consumer: Pick<KafkaConsumer, 'watermarks' | 'seek'>
  readonly registry: Registry
  readonly valve: Valve
  readonly committer: Pick<Committer, 'commitSoon'>
  readonly faults: Faults
  readonly holds: Holds
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly policy: GapPolicy
  readonly recheckMs: number
  /** Hands on what was fetched and waits: behind a gap it could not be told from what is lost. */
  readonly handOver: (partition: Partition) => void
  /** Ends the assignment as lost and begins a new one there. */
  readonly restart: (partition: Partition, start: number) => Promise<void>
}

/** Sees to partitions whose next offset the log does not hold. The client has stopped them; a seek lets them go on. */
export class Gaps {
  readonly #parts: GapsParts
  readonly #reported = new Set<Partition>()

  constructor(parts: GapsParts) {
    this.#parts = parts
  }

  /** The client reports one. Records that it took before may still come with the poll that is under way. */
  outOfRange(at: TopicPartition): void {
    for (const partition of this.#parts.registry.owned([at])) this.#reported.add(partition)
  }

  /** A poll is over: now the ledgers know everything that came before the gaps. */
  polled(): void {
    for (const partition of this.#reported) {
      // A report that comes while an earlier one is seen to waits: the seek may have been for the earlier one.
      if (partition.alive && partition.gap) continue
      this.#reported.delete(partition)
      this.found(partition)
    }
  }

  /** Sees to this partition, unless somebody does. */
  found(partition: Partition): void {
    if (partition.gap || !partition.alive) return
    partition.gap = true
    void this.#see(partition)
  }

  async #see(partition: Partition): Promise<void> {
    const { valve, faults, clock, random, recheckMs } = this.#parts
    let lift: (() => void) | null = null
    for (let failures = 0; partition.alive; ) {
      try {
        const step = await this.#step(partition)
        if (!partition.alive) break
        if (step.kind !== 'hold') {
          await this.#go(partition, step)
          break
        }
        if (lift === null) {
          valve.pause(partition, 'offset-gap')
          lift = this.#parts.holds.place(partition.at, { reason: 'offset-gap', detail: step.detail })
        }
        await sleep(clock, recheckMs, partition.gone)
      } catch (error) {
        failures += 1
        faults.report(error)
        await sleep(clock, backoffMs(failures, REPEAT, random), partition.gone)
      }
    }
    partition.gap = false
    lift?.()
    valve.resume(partition, 'offset-gap')
  }

  async #step(partition: Partition): Promise<GapStep> {
    const { consumer, policy, handOver } = this.#parts
    const marks = await consumer.watermarks(partition.at)
    handOver(partition)
    if (partition.waiting.length > 0) throw new Error(`records of ${partitionKey(partition.at)} wait for its claim`)
    // A start that is not known yet comes from the log itself.
    if (!partition.resolved) throw new Error(`${partition.at.topic}:${partition.at.partition} has no start yet`)
    return decideGap(partition.ledger.next, marks, policy)
  }

  async #go(partition: Partition, step: Exclude<GapStep, { kind: 'hold' }>): Promise<void> {
    const { consumer, announce, committer, clock, random, restart } = this.#parts
    const { at } = partition
    if (step.kind === 'restart') {
      announce({ type: 'expired', at, ...step.expired })
      await restart(partition, step.start)
      return
    }
    // The client called this offset missing though the log holds it: not at once again.
    if (step.kind === 'again') await sleep(clock, backoffMs(1, REPEAT, random), partition.gone)
    if (!partition.alive) return
    await consumer.seek({ ...at, offset: step.to })
    if (step.kind !== 'seek' || !partition.alive) return
    partition.ledger.skip(step.to)
    announce({ type: 'expired', at, ...step.expired })
    committer.commitSoon()
  }
}
