import type { Clock, Random } from '../../../lib/index.ts'
import type { Announce, Holds } from '../../../model/index.ts'
import type { ClientProperties, ConsumerOptions, KafkaDriver } from './driver.ts'
import type { AutoOffsetReset, GapPolicy } from './positions.ts'
import type { Transactor } from './transactions/transactor.ts'

/** Everything that a Kafka source needs. Times are milliseconds. */
export interface KafkaSourceOptions {
  readonly driver: KafkaDriver
  /** Connection, in the client's own property names. */
  readonly client: ClientProperties
  /**
   * Group and topics. A topic that begins with `^` is a JavaScript regular expression. It is resolved to names once, at
   * the start: a topic that is created later is consumed after a restart.
   */
  readonly consumer: ConsumerOptions
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly holds: Holds
  /** Topics that a regular expression never matches (dead letters, retries, sinks); nor does it match `*_dlq`. */
  readonly neverConsume?: readonly string[]
  /** Where a partition starts for which nothing was ever committed. Default `earliest`. */
  readonly autoOffsetReset?: AutoOffsetReset
  /** What to do where the log no longer holds the next offset. Default `earliest`. */
  readonly onOffsetGap?: GapPolicy
  /** Most records of one poll. Default 500; fewer where records are big, so that a poll brings about 16 MiB at most. */
  readonly maxPollRecords?: number
  /** How long a poll waits for its first record. Default 100. */
  readonly pollWaitMs?: number
  /** How long running work may take to end when partitions are given up. Default 15,000. */
  readonly drainTimeoutMs?: number
  /** How long the last commit of partitions that are given up may take. Default 5,000. */
  readonly revokeCommitMs?: number
  /** How long the last commit of a stop, and then the disconnecting, may each take. Default 10,000. */
  readonly stopTimeoutMs?: number
  /** A commit goes out after so many ended messages, default 300, … */
  readonly commitEvery?: number
  /** … or when the first of them is so old, default 500. */
  readonly commitAgeMs?: number
  /** Done offsets above the first unfinished one at which a partition's intake pauses. Default 100,000. */
  readonly maxSpan?: number
  /** Characters of commit metadata. Default 3,000. */
  readonly metadataBudget?: number
  /** How often a partition that `onOffsetGap: hold` holds is looked at again. Default 5,000. */
  readonly gapRecheckMs?: number
  /** Commits in transactions, with the outputs that are staged there. Default: plain commits. */
  readonly transactor?: Transactor | undefined
  /** Numbers the assignments; give one function to all sources of a process. */
  readonly nextEpoch?: () => number
}

/** The options with their defaults. */
export type KafkaSourceSettings = Required<Omit<KafkaSourceOptions, 'transactor'>> &
  Pick<KafkaSourceOptions, 'transactor'>

export function withDefaults(options: KafkaSourceOptions): KafkaSourceSettings {
  let epoch = 0
  return {
    neverConsume: [],
    autoOffsetReset: 'earliest',
    onOffsetGap: 'earliest',
    maxPollRecords: 500,
    pollWaitMs: 100,
    drainTimeoutMs: 15_000,
    revokeCommitMs: 5000,
    stopTimeoutMs: 10_000,
    commitEvery: 300,
    commitAgeMs: 500,
    maxSpan: 100_000,
    metadataBudget: 3000,
    gapRecheckMs: 5000,
    nextEpoch: () => ++epoch,
    ...options,
  }
}
