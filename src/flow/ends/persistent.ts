import { type BackoffOptions, backoffMs, type Clock, type Random, sleep, unlessAborted } from '../../lib/index.ts'
import { type Announce, type Assignment, type End, type Holds, reasonOf } from '../../model/index.ts'
import type { DeadLetter } from './ends.ts'

/** What the writing of letters needs of its surroundings. */
export interface PersistenceParts {
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly holds: Holds
  /** Waits between attempts; default 200 ms to 10 s. */
  readonly backoff?: BackoffOptions
}

/**
 * Writes a letter until it is written or `signal` aborts (then it rejects). While it cannot be, its partition is held,
 * with what `detail` makes of the last error.
 */
export async function writeUntilDone(
  parts: PersistenceParts,
  letter: DeadLetter,
  signal: AbortSignal,
  write: () => Promise<End>,
  detail: (error: unknown) => string,
): Promise<End> {
  const { announce, clock, random, holds } = parts
  const backoff = parts.backoff ?? { initialMs: 200, maxMs: 10_000 }
  const hold = new LetterHold(holds, letter.assignment)
  try {
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted()
      try {
        return await unlessAborted(write(), signal)
      } catch (error) {
        signal.throwIfAborted()
        const { topic, partition } = letter.assignment
        announce({ type: 'dead_letter_failed', at: { topic, partition }, error: reasonOf(error), attempt })
        hold.place(detail(error))
        await sleep(clock, backoffMs(attempt, backoff, random), signal)
      }
    }
  } finally {
    hold.release()
  }
}

/** The hold of one letter's partition; its detail follows the last error. */
class LetterHold {
  readonly #holds: Holds
  readonly #at: Assignment
  #detail = ''
  #release: (() => void) | null = null

  constructor(holds: Holds, at: Assignment) {
    this.#holds = holds
    this.#at = at
  }

  place(detail: string): void {
    if (this.#release !== null && this.#detail === detail) return
    const before = this.#release
    this.#release = this.#holds.place(this.#at, { reason: 'dead-letter', detail })
    this.#detail = detail
    before?.()
  }

  release(): void {
    this.#release?.()
    this.#release = null
  }
}
