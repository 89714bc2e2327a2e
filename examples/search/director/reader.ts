import { confluentDriver, type KafkaConsumer } from '../../../src/flow/source/index.ts'
import { partitionKey, type RawMessage, type TopicPartition } from '../../../src/model/index.ts'
import type { Cluster } from './cluster.ts'

/** Reads topics from their beginnings with a consumer of its own, beside the worker and knowing nothing of it. */
export class Reader {
  readonly #consumer: KafkaConsumer
  readonly #topics: ReadonlyMap<string, RawMessage[]>
  readonly #next = new Map<string, number>()
  #assigned: readonly TopicPartition[] = []
  #reading: Promise<void> | undefined
  #closing = false

  constructor(cluster: Cluster, topics: readonly string[], group: string) {
    this.#topics = new Map(topics.map((topic) => [topic, []]))
    this.#consumer = confluentDriver().consumer(cluster.client, { ...cluster.group, groupId: group, topics })
  }

  /** Everything read so far, in the order of each partition. */
  of(topic: string): readonly RawMessage[] {
    return this.#topics.get(topic) ?? []
  }

  /** Joins its group and reads until it is closed. Rejects where no broker answers; `failed` hears of what comes later. */
  async start(failed: (error: unknown) => void): Promise<void> {
    await this.#consumer.connect(
      {
        assigned: async (partitions) => {
          const starts = await Promise.all(
            partitions.map(async (at) => ({ ...at, offset: (await this.#consumer.watermarks(at)).low })),
          )
          for (const at of starts) this.#next.set(partitionKey(at), at.offset)
          this.#assigned = [...this.#assigned, ...partitions]
          return starts
        },
        revoked: async (partitions) => {
          if (!this.#closing)
            failed(new Error(`the reader was evicted from ${partitions.map(partitionKey).join(', ')}`))
        },
      },
      {
        error: (error) => {
          if (error.fatal) failed(error)
        },
        outOfRange: (at) => failed(new Error(`${partitionKey(at)}: its log no longer holds what was not read yet`)),
      },
    )
    this.#reading = this.#read().catch(failed)
  }

  /** Resolves when everything is read that the topics hold now. */
  async caughtUp(): Promise<void> {
    for (;;) {
      const behind = await Promise.all(
        this.#assigned.map(async (at) => {
          const { low, high } = await this.#consumer.watermarks(at)
          return high > low && (this.#next.get(partitionKey(at)) ?? 0) < high
        }),
      )
      if (this.#assigned.length > 0 && !behind.includes(true)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** The end of each partition of a topic: the offset that its next record will get. */
  async ends(topic: string): Promise<ReadonlyMap<number, number>> {
    const partitions = this.#assigned.filter((at) => at.topic === topic)
    return new Map(
      await Promise.all(
        partitions.map(async (at) => [at.partition, (await this.#consumer.watermarks(at)).high] as const),
      ),
    )
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#reading
    await this.#consumer.close()
  }

  async #read(): Promise<void> {
    while (!this.#closing) {
      for (const record of await this.#consumer.poll(1_000, 100)) {
        this.#topics.get(record.topic)?.push(record)
        this.#next.set(partitionKey(record), record.offset + 1)
      }
    }
  }
}
