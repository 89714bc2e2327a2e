import { type Header, reasonOf, type TopicPartition } from '../../model/index.ts'

/** A record on its way to a topic. */
export interface OutgoingRecord {
  readonly topic: string
  readonly partition?: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly Header[]
  readonly timestamp?: number
}

/** What sinks and ends need of a Kafka producer: idempotent, acknowledged by all replicas. */
export interface RecordProducer {
  connect(): Promise<void>
  /** Resolves when the broker acknowledged; rejects with an error that carries librdkafka's `code`. */
  send(record: OutgoingRecord): Promise<TopicPartition & { readonly offset: number }>
  /**
   * Sends many with one promise, which never rejects: for each record null once the broker acknowledged it, or why not.
   * A producer without it is used through `send`.
   */
  sendAll?(records: readonly OutgoingRecord[]): Promise<readonly (Error | null)[]>
  flush(timeoutMs: number): Promise<void>
  /** Partition counts; null for a topic that does not exist. */
  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>>
  close(): Promise<void>
}

/** The same for every producer: for each record null once it is acknowledged, or why not. */
export function sendAll(
  producer: RecordProducer,
  records: readonly OutgoingRecord[],
): Promise<readonly (Error | null)[]> {
  if (producer.sendAll !== undefined) return producer.sendAll(records)
  return Promise.all(records.map((record) => producer.send(record).then(() => null, asError)))
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(reasonOf(thrown))
}
