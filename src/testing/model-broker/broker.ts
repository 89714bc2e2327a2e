import type { KafkaDriver } from '../../flow/source/index.ts'
import type { Clock, Random } from '../../lib/index.ts'
import type { RawMessage, TopicPartition } from '../../model/index.ts'
import { History } from '../history.ts'
import { Cluster } from './cluster.ts'
import { ModelConsumer } from './consumer.ts'
import type { StoredCommit } from './coordinator.ts'
import { type BrokerFaults, noFaults } from './faults.ts'
import { Link } from './link.ts'
import { ModelProducer } from './producer.ts'
import { ModelTransactions } from './transactions.ts'

/** A record to put into a log; what is left out is null, empty, or now. */
export interface NewRecord extends TopicPartition {
  readonly key?: Buffer | string | null
  readonly value?: Buffer | string | null
  readonly headers?: RawMessage['headers']
  readonly timestamp?: number
}

/** One machine's way to the model broker. */
export interface ModelDriver extends KafkaDriver {
  /** Cuts the network (true) or mends it (false). Nothing gets through meanwhile, in either direction. */
  isolate(isolated: boolean): void
}

/**
 * A Kafka broker in memory, on a clock that the caller moves: logs with gaps, consumer groups with cooperative rebalance,
 * sessions and generations, commits with metadata, and faults by chance from a seed. It is strict as the real one is, and
 * writes down everything that happens to it.
 */
export class ModelBroker {
  readonly history: History
  /** What goes wrong from now on; may be changed at any time. */
  readonly faults: BrokerFaults = noFaults()
  readonly #clock: Clock
  readonly #random: Random
  readonly #cluster: Cluster
  #requests = 0

  constructor(of: {
    readonly clock: Clock
    readonly random: Random
    /** Default: a new one. */
    readonly history?: History
    /** Largest record, bytes of key and value. Default 1 MiB. */
    readonly maxMessageBytes?: number
  }) {
    this.#clock = of.clock
    this.#random = of.random
    this.history = of.history ?? new History(() => of.clock.monotonic())
    this.#cluster = new Cluster({
      clock: of.clock,
      random: of.random,
      history: this.history,
      faults: this.faults,
      maxMessageBytes: of.maxMessageBytes ?? 1_048_576,
    })
  }

  /**
   * The driver for one worker, named `client` in the history. Where its clock is a branch and the branch is cut, the
   * worker is dead: no answer reaches it any more, its session times out, but what it had sent still arrives.
   */
  driver(client: string, clock: Clock = this.#clock): ModelDriver {
    const links = new Set<Link>()
    let isolated = false
    const link = (): Link => {
      const made = new Link({ broker: this.#clock, client: clock, faults: this.faults, random: this.#random })
      made.isolated = isolated
      links.add(made)
      return made
    }
    const requests = (): number => {
      this.#requests += 1
      return this.#requests
    }
    return {
      consumer: (_, options) => new ModelConsumer({ cluster: this.#cluster, link: link(), client, options, requests }),
      producer: (_, options) => {
        const maxMessageBytes = options.maxMessageBytes ?? Number.POSITIVE_INFINITY
        return new ModelProducer({ cluster: this.#cluster, link: link(), client, maxMessageBytes })
      },
      transactional: (_, { transactionalId }) =>
        new ModelTransactions({ cluster: this.#cluster, link: link(), client, transactionalId }),
      isolate: (value) => {
        isolated = value
        for (const each of links) each.isolated = value
      },
    }
  }

  /** Makes a topic, or gives it more partitions. */
  createTopic(topic: string, partitions: number): void {
    this.#cluster.grow(topic, partitions)
  }

  /** Deletes the topic with its records; the groups' offsets go with it unless `keepOffsets` (older brokers keep them). */
  deleteTopic(topic: string, how: { readonly keepOffsets?: boolean; readonly groups?: readonly string[] } = {}): void {
    this.#cluster.drop(topic)
    for (const group of how.keepOffsets ? [] : (how.groups ?? [])) this.#cluster.group(group).forget(topic)
  }

  /** The same name, empty logs. The groups keep their offsets, which now mean nothing. */
  recreateTopic(topic: string, partitions: number): void {
    this.#cluster.drop(topic)
    this.#cluster.grow(topic, partitions)
    this.history.add({ type: 'recreated', topic })
  }

  /** Puts a record at the end of its log, at once. Throws where there is no such partition. */
  append(record: NewRecord): RawMessage {
    const { topic, partition } = record
    const log = this.#log({ topic, partition })
    const placed = log.append({
      topic,
      partition,
      key: bytes(record.key),
      value: bytes(record.value),
      headers: record.headers ?? [],
      timestamp: record.timestamp ?? this.#clock.now(),
    })
    this.history.add({ type: 'produced', client: '', record: { topic, partition, offset: placed.offset } })
    this.#cluster.wake()
    return placed
  }

  /** Leaves out the next `count` offsets of a log. */
  skip(at: TopicPartition, count: number): void {
    const log = this.#log(at)
    const from = log.high
    log.skip(count)
    this.history.add({ type: 'gap', at: { topic: at.topic, partition: at.partition }, from, to: log.high })
  }

  /** Retention: the log begins at `low` from now on. */
  truncate(at: TopicPartition, low: number): void {
    const log = this.#log(at)
    log.truncate(low)
    this.history.add({ type: 'truncated', at: { topic: at.topic, partition: at.partition }, low: log.low })
  }

  /** What the log holds now. */
  records(at: TopicPartition): readonly RawMessage[] {
    return this.#log(at).records
  }

  /** All records of a topic, partition by partition. */
  topic(name: string): readonly RawMessage[] {
    return (this.#cluster.logs(name) ?? []).flatMap((log) => log.records)
  }

  watermarks(at: TopicPartition): { readonly low: number; readonly high: number } {
    const { low, high } = this.#log(at)
    return { low, high }
  }

  /** What the group holds for a partition; null where nothing was ever committed. */
  committed(group: string, at: TopicPartition): StoredCommit | null {
    return this.#cluster.group(group).committed(at)
  }

  /** Members of a group by their names, and whether a rebalance is under way. */
  group(id: string): { readonly members: readonly string[]; readonly generation: number; readonly stable: boolean } {
    const { members, generation, stable } = this.#cluster.group(id)
    return { members, generation, stable }
  }

  #log(at: TopicPartition): NonNullable<ReturnType<Cluster['log']>> {
    const log = this.#cluster.log(at)
    if (log === undefined) throw new Error(`the model broker has no partition ${at.topic}:${at.partition}`)
    return log
  }
}

function bytes(value: Buffer | string | null | undefined): Buffer | null {
  if (value === undefined || value === null) return null
  return typeof value === 'string' ? Buffer.from(value) : value
}
