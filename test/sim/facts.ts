import type { RawMessage } from '../../src/model/index.ts'
import type { HistoryEntry, RecordAt } from '../../src/testing/index.ts'
import type { Expectation, MessagePlan } from './plan.ts'

/** One message of the world: where it is, what it is to do, and what must come of it. */
export interface MessageFacts {
  readonly at: RecordAt
  readonly record: RawMessage
  readonly plan: MessagePlan
  readonly expected: Expectation
}

/** Everything that the oracle knows of a world besides what happened in it. */
export interface WorldFacts {
  readonly seed: number
  readonly group: string
  readonly topic: string
  readonly deadLetterTopic: string
  /** `<kind>:<name>` of the sink. */
  readonly sink: string
  readonly maxRetries: number
  readonly windows: boolean
  /** `delivery: atomic`. */
  readonly atomic: boolean
  /** Everything visible at once, or never. */
  readonly transactional: boolean
  /** Programs that one worker may run at once. */
  readonly slots: number
  /** Commit metadata has so little room that maps are cut. */
  readonly smallBudget: boolean
  readonly partitions: number
  /** By `<topic>:<partition>:<offset>`. */
  readonly messages: ReadonlyMap<string, MessageFacts>
  /** What the dead-letter topic holds at the end. */
  readonly deadLetters: readonly RawMessage[]
  /** What the group holds at the end, by partition. */
  readonly committed: readonly (number | null)[]
  /** Why the world did not come to its end in time; null where it did. */
  readonly unfinished: string | null
}

export interface Evidence {
  readonly facts: WorldFacts
  readonly history: readonly HistoryEntry[]
}

/** One statement of the design that does not hold. */
export interface Violation {
  readonly statement: string
  readonly what: string
  /** The message that it is about, where there is one. */
  readonly at?: RecordAt
}

export function placeOf(at: RecordAt): string {
  return `${at.topic}:${at.partition}:${at.offset}`
}
