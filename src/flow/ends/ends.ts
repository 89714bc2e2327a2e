import type { Assignment, Death, End, RawMessage } from '../../model/index.ts'

/** A message that dies, with everything its dead letter says. */
export interface DeadLetter {
  readonly assignment: Assignment
  readonly message: RawMessage
  /** At least one. */
  readonly deaths: readonly Death[]
}

/** Where messages go that cannot be delivered. */
export interface DeadLetters {
  connect(): Promise<void>
  /**
   * Resolves with the receipt when the dead letter is durable. It does not give up: where it cannot be written it holds
   * the partition and tries again until it can, or until `signal` aborts (then it rejects).
   */
  bury(letter: DeadLetter, signal: AbortSignal): Promise<End>
  close(): Promise<void>
}
