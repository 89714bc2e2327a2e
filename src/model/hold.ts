import type { TopicPartition } from './message.ts'

/** One named reason for which partitions stand still; it goes away by itself when its cause does. */
export interface Hold {
  /** Short and stable: `binary`, `sink kafka:output`, `dead-letter`, `arrange`. */
  readonly reason: string
  /** For the operator: what is wrong and what to do. */
  readonly detail: string
}

/**
 * Where parts of the flow say that a partition cannot go on for a reason that is no property of its messages: a missing
 * binary, a sink that refuses everything, a dead-letter topic that cannot be written. A held partition takes in nothing,
 * the worker is not ready, and the reason is shown.
 */
export interface Holds {
  /** Holds the partition until the returned function is called (again and again is fine). Holds of one reason add up. */
  place(at: TopicPartition, hold: Hold): () => void
}
