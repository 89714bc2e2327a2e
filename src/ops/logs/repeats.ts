import type { Clock, Timer } from '../../lib/index.ts'
import type { Line } from './row.ts'

interface Repeated {
  count: number
  last: Line
  timer: Timer
}

/** More kinds of repeated lines than this at once are not told apart within one event. */
const MAX_KEYS = 1_000

/**
 * Lets the first line of a kind through and counts the others; every `windowMs`, while there were any, the last of them
 * is written with `repeated`.
 */
export class Repeats {
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #write: (line: Line) => void
  readonly #kinds = new Map<string, Repeated>()

  constructor(clock: Clock, windowMs: number, write: (line: Line) => void) {
    this.#clock = clock
    this.#windowMs = windowMs
    this.#write = write
  }

  take(kind: string, line: Line): void {
    const key = this.#kinds.size < MAX_KEYS || this.#kinds.has(kind) ? kind : line.event
    const known = this.#kinds.get(key)
    if (known !== undefined) {
      known.count += 1
      known.last = line
      return
    }
    this.#kinds.set(key, { count: 0, last: line, timer: this.#timer(key) })
    this.#write(line)
  }

  /** Writes what was only counted so far, and forgets everything. */
  close(): void {
    for (const kind of this.#kinds.values()) {
      kind.timer.cancel()
      this.#report(kind)
    }
    this.#kinds.clear()
  }

  #timer(key: string): Timer {
    return this.#clock.timer(this.#windowMs, () => {
      const kind = this.#kinds.get(key)
      if (kind === undefined) return
      if (kind.count === 0) {
        this.#kinds.delete(key)
        return
      }
      this.#report(kind)
      kind.count = 0
      kind.timer = this.#timer(key)
    })
  }

  #report({ count, last }: Repeated): void {
    if (count > 0) this.#write({ ...last, fields: { ...last.fields, repeated: count } })
  }
}
