import { partitionKey, type TopicPartition } from '../../../model/index.ts'
import type { Partition } from './partition.ts'

/** The assignments that are owned now. */
export class Registry {
  readonly #byEpoch = new Map<number, Partition>()
  readonly #byTopic = new Map<string, Map<number, Partition>>()
  /** Number of the poll that was under way when a partition was given up. */
  readonly #gone = new Map<string, number>()

  get all(): readonly Partition[] {
    return [...this.#byEpoch.values()]
  }

  values(): Iterable<Partition> {
    return this.#byEpoch.values()
  }

  at(topic: string, partition: number): Partition | undefined {
    return this.#byTopic.get(topic)?.get(partition)
  }

  ofEpoch(epoch: number): Partition | undefined {
    return this.#byEpoch.get(epoch)
  }

  add(partition: Partition): void {
    const { topic } = partition.at
    partition.staleUntil = Math.max(partition.staleUntil, this.#gone.get(partitionKey(partition.at)) ?? 0)
    this.#gone.delete(partitionKey(partition.at))
    this.#byEpoch.set(partition.assignment.epoch, partition)
    const topics = this.#byTopic.get(topic) ?? new Map<number, Partition>()
    this.#byTopic.set(topic, topics.set(partition.at.partition, partition))
  }

  /** Ends the assignment. What arrives for it from now on finds nothing. */
  remove(partition: Partition, poll: number): void {
    if (!this.#byEpoch.delete(partition.assignment.epoch)) return
    const { at } = partition
    if (this.at(at.topic, at.partition) === partition) this.#byTopic.get(at.topic)?.delete(at.partition)
    this.#gone.set(partitionKey(at), poll)
    partition.end()
  }

  /** Those of the partitions that are owned. */
  owned(partitions: readonly TopicPartition[]): Partition[] {
    return partitions.flatMap(({ topic, partition }) => this.at(topic, partition) ?? [])
  }
}
