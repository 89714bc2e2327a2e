/** One header of a record. A name may repeat; order is kept. The value is bytes, or null where the producer sent null. */
export type Header = readonly [name: string, value: Buffer | null]

/** A record as the source delivered it, before anything was decoded. */
export interface RawMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Bytes of the key; null where the record has none. */
  readonly key: Buffer | null
  /** Bytes of the value; null is a tombstone, an empty buffer is an empty value. */
  readonly value: Buffer | null
  /** Milliseconds since the epoch; null where the record carries none. */
  readonly timestamp: number | null
  readonly headers: readonly Header[]
  /** The broker's leader epoch of the record, where known. It goes back to the broker with the commit. */
  readonly leaderEpoch?: number
}

/** A decoded and validated record, as hooks see it. */
export interface Message<Payload = unknown> extends RawMessage {
  /** What `decode` and the handler's `input` schema made of the value. */
  readonly payload: Payload
  /** How logs and the UI call this message: `messageLabel(message)`, else `<partition>:<offset>`. */
  readonly label: string
}

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** `<topic>:<partition>`: the key of a partition in maps, and the beginning of every deterministic id. */
export function partitionKey(at: TopicPartition): string {
  return `${at.topic}:${at.partition}`
}

/** Bytes that a record occupies while it is held in memory: key, value and headers. */
export function messageBytes(message: RawMessage): number {
  let bytes = (message.key?.length ?? 0) + (message.value?.length ?? 0)
  for (const [name, value] of message.headers) bytes += name.length + (value?.length ?? 0)
  return bytes
}
