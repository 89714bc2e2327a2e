import type { Header, RawMessage, TopicPartition } from '../../../model/index.ts'

/** An error of the client, with librdkafka's name for it (`ERR__MAX_POLL_EXCEEDED`, …) where there is one. */
export class DriverError extends Error {
  readonly code: string
  /** librdkafka's number; negative ones are of the client itself. */
  readonly errno: number
  /** The client is unusable from now on. */
  readonly fatal: boolean
  /** The same call may work later. */
  readonly retriable: boolean
  /** The transaction that is open can only be aborted. */
  readonly abortable: boolean

  constructor(
    message: string,
    of: { code: string; errno: number; fatal?: boolean; retriable?: boolean; abortable?: boolean },
  ) {
    super(message)
    this.name = 'DriverError'
    this.code = of.code
    this.errno = of.errno
    this.fatal = of.fatal ?? false
    this.retriable = of.retriable ?? false
    this.abortable = of.abortable ?? false
  }
}

/** What the group holds for a partition. */
export interface CommittedPosition extends TopicPartition {
  /** Null where nothing was ever committed. */
  readonly offset: number | null
  readonly metadata: string
}

/** One partition of a commit. */
export interface CommitRequest extends TopicPartition {
  readonly offset: number
  readonly metadata: string
  readonly leaderEpoch?: number
}

/** The broker's answer for one partition of a commit. */
export interface CommitAnswer extends TopicPartition {
  readonly offset: number
  readonly error: DriverError | null
}

/** Where to start reading a partition. */
export interface StartPosition extends TopicPartition {
  readonly offset: number | 'earliest' | 'latest'
}

/** Smallest offset that the log holds, and the one after its last. */
export interface Watermarks {
  readonly low: number
  readonly high: number
}

/**
 * What the group does to us. The driver calls one at a time, waits for the returned promise, and answers the group after
 * it: so partitions move to the next owner only when `revoked` has resolved.
 */
export interface RebalanceListener {
  /** Resolve with the position to start each partition from. None: the group let us in, and has nothing (more) for us. */
  assigned(partitions: readonly TopicPartition[]): Promise<readonly StartPosition[]>
  revoked(partitions: readonly TopicPartition[], how: { readonly lost: boolean }): Promise<void>
}

export interface ConsumerOptions {
  readonly groupId: string
  /** Names, or regular expressions as strings that begin with `^`. */
  readonly topics: readonly string[]
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly maxPollIntervalMs: number
  /** Static membership: the instance's name. Default: dynamic. */
  readonly groupInstanceId?: string
}

export interface LogEnd extends TopicPartition {
  readonly end: number
  /** All records before it were handed on by `poll`: offsets that are missing at the end are marks of transactions. */
  readonly handedOn?: boolean
}

/** What the client knows of its brokers and logs, once a second. */
export interface ClientState {
  /** True where at least one broker is connected. */
  readonly connected: boolean
  /** The offset after the last one that a reader may see, as of the last fetch of the partition. */
  readonly ends: readonly LogEnd[]
}

export interface ConsumerEvents {
  /** Something went wrong inside the client; it goes on unless `error.fatal`. */
  error(error: DriverError): void
  /** The log does not hold the position of this partition (retention, recreated topic). It is stopped until `seek`. */
  outOfRange(at: TopicPartition): void
  /** How things stand. A driver that cannot know never calls it. */
  seen?(state: ClientState): void
}

/** A member of a consumer group. One poll loop calls `poll` for ever, also while paused, draining or rebalancing. */
export interface KafkaConsumer {
  /** Connects and joins the group. Rejects where no broker answers within the time-out. */
  connect(listener: RebalanceListener, events: ConsumerEvents): Promise<void>
  /** At most `max` records, in order per partition; waits up to `waitMs` for the first. Empty is normal. */
  poll(max: number, waitMs: number): Promise<readonly RawMessage[]>
  /** Synchronous; records already handed to a running `poll` may still come. */
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  seek(at: StartPosition): Promise<void>
  /** Resolves with the broker's own answer for each partition. One at a time. Rejects where no answer came. */
  commit(requests: readonly CommitRequest[]): Promise<readonly CommitAnswer[]>
  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[]>
  watermarks(at: TopicPartition): Promise<Watermarks>
  /** Known topics and their partition counts; null for a topic that does not exist. An empty list asks for all topics. */
  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>>
  /** Leaves the group (unassigning whatever is left) and disconnects. Twice is fine. */
  close(): Promise<void>
}

export interface ProducerRecord {
  readonly topic: string
  /** Default: murmur2 of the key, as the Java client does; without a key, spread. */
  readonly partition?: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly Header[]
  readonly timestamp?: number
}

/** Where the broker put a record. */
export interface ProducedAt extends TopicPartition {
  readonly offset: number
}

/** An idempotent producer with acks=all. */
export interface KafkaProducer {
  connect(): Promise<void>
  /** Resolves when the broker acknowledged; rejects with a `DriverError`. The outstanding number is bounded by waiting. */
  send(record: ProducerRecord): Promise<ProducedAt>
  /**
   * Sends many with one promise, which never rejects: for each record null once the broker acknowledged it, or why not.
   * A driver without it is used through `send`.
   */
  sendAll?(records: readonly ProducerRecord[]): Promise<readonly (Error | null)[]>
  /** Waits until nothing is outstanding or the time is up. */
  flush(timeoutMs: number): Promise<void>
  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>>
  close(): Promise<void>
}

/**
 * A producer whose records become visible to `read_committed` readers together with a group's offsets, or never. One
 * transaction at a time. What fails rejects with a `DriverError`: `retriable` (the same call again), `abortable` (only
 * `abort` is left), `fatal` (only `close` is left, and another producer of the same id).
 */
export interface TransactionalProducer {
  /** Connects, and ends what a former producer of the same id left open: its transaction is committed or aborted then. */
  connect(): Promise<void>
  begin(): Promise<void>
  /** For each record null once the broker has it, or why not; after an error the transaction can only be aborted. */
  sendAll(records: readonly ProducerRecord[]): Promise<readonly (Error | null)[]>
  /**
   * Makes the group's offsets a part of the transaction. Rejects, so that nothing may be committed, where a partition is
   * not ours, or was not for a moment.
   */
  sendOffsets(requests: readonly CommitRequest[], consumer: KafkaConsumer): Promise<void>
  /** After a rejection that is neither retriable nor abortable nobody knows whether it was committed. */
  commit(): Promise<void>
  abort(): Promise<void>
  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>>
  close(): Promise<void>
}

export interface TransactionalOptions {
  /** The same after a restart, and of one process at a time: the newest takes the id from all others. */
  readonly transactionalId: string
  readonly compression: string
  readonly maxMessageBytes?: number
}

/** Connection of a client: brokers, security and pass-through settings, already in the client's own property names. */
export type ClientProperties = Readonly<Record<string, string | number | boolean>>

/** The only way to Kafka. One adapter for the real client, one for the simulated broker. */
export interface KafkaDriver {
  consumer(client: ClientProperties, options: ConsumerOptions): KafkaConsumer
  producer(
    client: ClientProperties,
    options: { readonly lingerMs: number; readonly compression: string; readonly maxMessageBytes?: number },
  ): KafkaProducer
  /** A driver without it cannot be used with transactional sinks. */
  transactional?(client: ClientProperties, options: TransactionalOptions): TransactionalProducer
}
