import { partitionKey, type TopicPartition } from '../../../../model/index.ts'
import type { CommittedPosition, StartPosition, Watermarks } from '../driver.ts'
import type { RdConsumer, RdPosition } from './client-types.ts'
import { describeTopics } from './describe.ts'
import { fromClient } from './errors.ts'
import { unframeMetadata } from './offset-metadata.ts'
import type { Running } from './running.ts'

type Done<Value> = (error: { message: string; code: number } | null | undefined, value: Value) => void

/** What a consumer asks the brokers about topics and positions. */
export class Asking {
  readonly #client: RdConsumer
  readonly #running: Running
  readonly #requestMs: number

  constructor(client: RdConsumer, running: Running, requestMs: number) {
    this.#client = client
    this.#running = running
    this.#requestMs = requestMs
  }

  async committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[]> {
    const what = `reading the committed offsets of ${partitions.map(partitionKey).join(', ')}`
    const read = await this.#ask<readonly (RdPosition | Error)[]>(what, (done) =>
      this.#client.committed(partitions, this.#requestMs, done),
    )
    return read.map((position) => {
      if (position instanceof Error) throw fromClient(position, what)
      const { topic, partition, offset = null } = position
      return { topic, partition, offset, metadata: unframeMetadata(position.metadata) }
    })
  }

  async watermarks(at: TopicPartition): Promise<Watermarks> {
    const read = await this.#ask<{ lowOffset: number; highOffset: number }>(
      `reading the watermarks of ${partitionKey(at)}`,
      (done) => this.#client.queryWatermarkOffsets(at.topic, at.partition, this.#requestMs, done),
    )
    return { low: read.lowOffset, high: read.highOffset }
  }

  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    return this.#running.track(describeTopics(this.#client, topics, this.#requestMs))
  }

  /** Names an end of the log by number: the client's own idea of its beginning may be old, or come late. */
  async numbered(start: StartPosition): Promise<StartPosition> {
    if (typeof start.offset === 'number') return start
    try {
      const { low, high } = await this.watermarks(start)
      return { ...start, offset: start.offset === 'earliest' ? low : high }
    } catch {
      // The client resolves it as soon as the partition has a leader.
      return start
    }
  }

  #ask<Value>(what: string, run: (done: Done<Value>) => void): Promise<Value> {
    return this.#running.track(
      new Promise<Value>((resolve, reject) => {
        run((error, value) => {
          if (error) reject(fromClient(error, what))
          else resolve(value)
        })
      }),
    )
  }
}
