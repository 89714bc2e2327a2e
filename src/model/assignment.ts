import type { TopicPartition } from './message.ts'

/**
 * One ownership of one partition, from the moment it is assigned until it is revoked or lost. Everything that is done
 * for the partition carries its assignment, so that what arrives late is recognised and ignored.
 */
export interface Assignment extends TopicPartition {
  /** Counts the assignments of this process, over all partitions; never repeats. */
  readonly epoch: number
  /**
   * The owner counter: raised by one at each assignment of the partition, whoever owns it, and acknowledged by the
   * broker before the first message is handed on. Sinks that can fence refuse what carries a smaller one.
   */
  readonly owner: number
}

/** Why a partition's intake is paused. Reasons add up: it flows again when the last one is gone. */
export type PauseReason =
  | 'backpressure:messages'
  | 'backpressure:bytes'
  | 'span'
  | 'metadata'
  /** Too many outputs wait for their transaction. */
  | 'staged'
  /** Nothing that ended could be committed for a while. */
  | 'commits'
  | 'offset-gap'
  | 'operator'
  | 'drain'
  | 'stop'
  | `held:${string}`
