import type { Clock, Timer } from '../../lib/index.ts'
import { type Assignment, type End, type Holds, partitionKey } from '../../model/index.ts'
import { DeadShare, type MaxDead } from './dead-share.ts'

export interface FuseParts {
  readonly maxDead: MaxDead
  readonly clock: Clock
  readonly holds: Holds
}

/**
 * Stops the intake of all partitions where too many messages end dead: rather a worker that stands still than a topic
 * that is emptied into the dead letters. What is in flight goes on to its end. After one window it closes again by
 * itself and counts anew, so that a cause that stays costs at most `least` letters and what is in flight each time.
 */
export class DeadLetterFuse {
  readonly #parts: FuseParts
  readonly #share: DeadShare
  /** The partitions that it would hold, or holds: by their key, with the release of the hold. */
  readonly #partitions = new Map<string, { readonly at: Assignment; release: (() => void) | null }>()
  #timer: Timer | null = null
  #detail = ''
  #stopped = false

  constructor(parts: FuseParts) {
    this.#parts = parts
    this.#share = new DeadShare(parts.maxDead)
  }

  /** The partition is ours from now on; where the fuse has blown it is held at once. */
  assigned(at: Assignment): void {
    const entry = { at, release: null }
    this.#partitions.set(partitionKey(at), entry)
    if (this.#timer !== null) this.#hold(entry)
  }

  /** The partition is gone, with its holds. */
  forget(at: Assignment): void {
    this.#partitions.delete(partitionKey(at))
  }

  ended(end: End): void {
    // What was in flight when it blew says nothing new.
    if (this.#timer !== null || this.#stopped) return
    if (this.#share.note(this.#parts.clock.monotonic(), end.kind === 'dead')) this.#blow()
  }

  /** It never blows again; for a worker that stops. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #blow(): void {
    const { clock, maxDead } = this.#parts
    const { dead, ended } = this.#share
    const seconds = maxDead.windowMs / 1000
    this.#detail =
      `${dead} of ${ended} messages of the last ${seconds} s ended as dead letters, more than dlq.max_dead allows ` +
      `(${Number((maxDead.share * 100).toFixed(3))} %): look at the letters, mend the cause. ` +
      `Intake goes on by itself after ${seconds} s, or with a restart`
    this.#timer = clock.timer(maxDead.windowMs, () => this.#close())
    for (const entry of this.#partitions.values()) this.#hold(entry)
  }

  #close(): void {
    this.#timer = null
    this.#share.clear()
    for (const entry of this.#partitions.values()) {
      entry.release?.()
      entry.release = null
    }
  }

  #hold(entry: { readonly at: Assignment; release: (() => void) | null }): void {
    entry.release = this.#parts.holds.place(entry.at, { reason: 'dead-letter fuse', detail: this.#detail })
  }
}
