import type { Clock, Random } from '../../lib/index.ts'
import type { TopicPartition } from '../../model/index.ts'
import type { History } from '../history.ts'
import { Coordinator } from './coordinator.ts'
import type { BrokerFaults } from './faults.ts'
import { PartitionLog } from './log.ts'
import { partitionOf } from './murmur2.ts'
import { type Transaction, TransactionLog } from './transaction-log.ts'

/** What all clients of the model broker share: logs, groups, and the fetches that wait for something to come. */
export class Cluster {
  readonly clock: Clock
  readonly random: Random
  readonly history: History
  readonly faults: BrokerFaults
  /** Largest record that a topic takes, bytes of key and value. */
  readonly maxMessageBytes: number
  readonly transactions: TransactionLog
  readonly #topics = new Map<string, PartitionLog[]>()
  readonly #groups = new Map<string, Coordinator>()
  readonly #waiting = new Set<() => void>()

  constructor(of: { clock: Clock; random: Random; history: History; faults: BrokerFaults; maxMessageBytes: number }) {
    this.clock = of.clock
    this.random = of.random
    this.history = of.history
    this.faults = of.faults
    this.maxMessageBytes = of.maxMessageBytes
    this.transactions = new TransactionLog(of.clock, (transaction) => this.#apply(transaction))
  }

  get topics(): readonly string[] {
    return [...this.#topics.keys()]
  }

  /** The logs of a topic; undefined where it does not exist. */
  logs(topic: string): readonly PartitionLog[] | undefined {
    return this.#topics.get(topic)
  }

  log(at: TopicPartition): PartitionLog | undefined {
    return this.#topics.get(at.topic)?.[at.partition]
  }

  /** Makes the topic, or gives it more partitions. Existing logs stay. */
  grow(topic: string, partitions: number): void {
    const logs = this.#topics.get(topic) ?? []
    while (logs.length < partitions) logs.push(new PartitionLog())
    this.#topics.set(topic, logs)
    for (const group of this.#groups.values()) group.refresh()
    this.wake()
  }

  drop(topic: string): void {
    this.#topics.delete(topic)
  }

  group(id: string): Coordinator {
    let group = this.#groups.get(id)
    if (group === undefined) {
      group = new Coordinator({
        group: id,
        clock: this.clock,
        history: this.history,
        partitionsOf: (topic) => (this.#topics.get(topic) ?? []).map((_, partition) => ({ topic, partition })),
      })
      this.#groups.set(id, group)
    }
    return group
  }

  /** Topics that a subscription means: a name, or a regular expression that begins with `^`. */
  matching(subscription: readonly string[]): readonly string[] {
    return subscription.flatMap((wanted) =>
      wanted.startsWith('^') ? this.topics.filter((topic) => new RegExp(wanted).test(topic)) : [wanted],
    )
  }

  /** Calls `wake` at the next change of any log, once. */
  onChange(wake: () => void): void {
    this.#waiting.add(wake)
  }

  offChange(wake: () => void): void {
    this.#waiting.delete(wake)
  }

  /** Everything of it at once: no reader and no owner ever sees a part. */
  #apply({ client, records, offsets }: Transaction): void {
    for (const record of records) {
      const logs = this.#topics.get(record.topic) ?? []
      const partition = record.partition ?? partitionOf(record.key ?? Buffer.from(record.topic), logs.length || 1)
      const placed = logs[partition]?.append({
        ...record,
        partition,
        timestamp: record.timestamp ?? this.clock.now(),
      })
      if (placed === undefined) continue
      const at = { topic: record.topic, partition, offset: placed.offset }
      this.history.add({ type: 'produced', client, record: at })
      const id = record.headers.findLast(([name]) => name === 'drakkar-id')?.[1]
      if (id)
        this.history.add({ type: 'acknowledged', client, sink: 'kafka:out', id: String(id), payload: record.value })
    }
    for (const { at, by } of offsets) {
      this.group(by.group).store(at, at)
      const { topic, partition, offset, metadata } = at
      this.history.add({ type: 'commit', client, ...by, at: { topic, partition }, offset, metadata, error: null })
    }
    this.wake()
  }

  wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
}
