import type { Hooks } from '../../handler/index.ts'
import type { BackoffOptions, Clock, Random } from '../../lib/index.ts'
import type { Announce, Assignment, End, Holds } from '../../model/index.ts'
import type { DeadLetters } from '../ends/index.ts'
import type { Executor } from '../executor/index.ts'
import type { Delivery } from '../sinks/index.ts'
import type { MaxDead } from './dead-share.ts'

export interface PipelineOptions {
  /** Most messages that one `arrange` gets. */
  readonly windowSize: number
  /** Runs of a task beyond the first; also repeats of a failing hook and of `onDeliveryError: 'retry'`. */
  readonly maxRetries: number
  /** Waits between them. */
  readonly retryBackoff: BackoffOptions
  /** What a record's end is that cannot be decoded. */
  readonly onParseError: 'dlq' | 'skip' | 'hold'
  /** Waits between attempts while `arrange` fails for everything. */
  readonly arrangeBackoff: BackoffOptions
  /** A message's payloads go out together when all its tasks have ended well, or never. Default false: as they come. */
  readonly atomic?: boolean
  /** Where more messages than this end dead, intake stops. Default: no such limit. */
  readonly maxDead?: MaxDead
}

/** What a partition's pipeline works with; shared by all partitions. */
export interface PipelineParts {
  readonly hooks: Hooks
  readonly executor: Executor
  readonly delivery: Delivery
  readonly deadLetters: DeadLetters
  readonly holds: Holds
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly options: PipelineOptions
  /** A message has its end; tells the source. */
  ended(assignment: Assignment, offset: number, end: End): void
  /** Something threw that never may: the worker must end without committing what it was about. */
  crashed(error: unknown): void
}
