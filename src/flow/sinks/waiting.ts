import type { Assignment, Holds } from '../../model/index.ts'

/** A partition with records that wait for one sink. */
export interface WaitingPartition {
  readonly assignment: Assignment
  records: number
  /** Of those, the ones that failed so often that the partition is held for them. */
  stuck: number
  detail: string
  release: (() => void) | null
}

/**
 * Which partitions wait for a sink, and the hold on them: all of them while the circuit is not closed, otherwise those
 * with a record that is stuck while others pass.
 */
export class Waiting {
  readonly #partitions = new Map<Assignment, WaitingPartition>()
  readonly #holds: Holds
  readonly #reason: string
  #open: string | null = null

  constructor(holds: Holds, sink: string) {
    this.#holds = holds
    this.#reason = `sink ${sink}`
  }

  /** One more record of the partition waits. */
  enter(assignment: Assignment): WaitingPartition {
    let partition = this.#partitions.get(assignment)
    if (partition === undefined) {
      partition = { assignment, records: 0, stuck: 0, detail: '', release: null }
      this.#partitions.set(assignment, partition)
    }
    partition.records += 1
    if (this.#open !== null) this.#hold(partition, this.#open)
    return partition
  }

  /** One record less. */
  leave(partition: WaitingPartition, wasStuck: boolean): void {
    partition.records -= 1
    if (wasStuck) partition.stuck -= 1
    if (partition.records === 0) this.#partitions.delete(partition.assignment)
    this.#releaseWhereFree(partition)
  }

  /** A record of the partition fails again and again, while the sink takes others. */
  stick(partition: WaitingPartition, detail: string): void {
    partition.stuck += 1
    this.#hold(partition, detail)
  }

  /** The circuit opened, or stays open with a new error. */
  open(detail: string): void {
    this.#open = detail
    for (const partition of this.#partitions.values()) this.#hold(partition, detail)
  }

  close(): void {
    this.#open = null
    for (const partition of this.#partitions.values()) this.#releaseWhereFree(partition)
  }

  #hold(partition: WaitingPartition, detail: string): void {
    if (partition.release !== null && partition.detail === detail) return
    const before = partition.release
    // The new hold comes before the old one goes, so that a changed detail never lets the partition run in between.
    partition.release = this.#holds.place(partition.assignment, { reason: this.#reason, detail })
    partition.detail = detail
    before?.()
  }

  #releaseWhereFree(partition: WaitingPartition): void {
    if (partition.release === null || (partition.records > 0 && (this.#open !== null || partition.stuck > 0))) return
    partition.release()
    partition.release = null
  }
}
