/** When dead letters are too many. */
export interface MaxDead {
  /** Of the messages that ended in the window, above 0 and below 1. */
  readonly share: number
  readonly windowMs: number
  /** Fewer dead letters than this are never too many. */
  readonly least: number
}

/** The window is counted in this many slices: what is older than it leaves with its slice. */
const SLICES = 60

/**
 * Counts the ends of messages over a sliding window, in constant memory, and tells when more of them are dead than is
 * allowed. Time never goes back.
 */
export class DeadShare {
  readonly #limit: MaxDead
  readonly #sliceMs: number
  readonly #ended = new Uint32Array(SLICES)
  readonly #dead = new Uint32Array(SLICES)
  #slice = Number.NEGATIVE_INFINITY
  #allEnded = 0
  #allDead = 0

  constructor(limit: MaxDead) {
    this.#limit = limit
    this.#sliceMs = limit.windowMs / SLICES
  }

  get ended(): number {
    return this.#allEnded
  }

  get dead(): number {
    return this.#allDead
  }

  /** Books one end; true where there are too many dead ones now. `now`: monotonic milliseconds. */
  note(now: number, dead: boolean): boolean {
    this.#forgetUntil(Math.floor(now / this.#sliceMs))
    const at = this.#at(this.#slice)
    this.#ended[at] = (this.#ended[at] ?? 0) + 1
    this.#allEnded += 1
    if (!dead) return false
    this.#dead[at] = (this.#dead[at] ?? 0) + 1
    this.#allDead += 1
    const { share, least } = this.#limit
    return this.#allDead >= least && this.#allDead > share * this.#allEnded
  }

  /** Forgets everything. */
  clear(): void {
    this.#ended.fill(0)
    this.#dead.fill(0)
    this.#allEnded = 0
    this.#allDead = 0
  }

  #at(slice: number): number {
    return ((slice % SLICES) + SLICES) % SLICES
  }

  #forgetUntil(slice: number): void {
    if (slice <= this.#slice) return
    if (slice - this.#slice >= SLICES) this.clear()
    else
      for (let old = this.#slice + 1; old <= slice; old += 1) {
        const at = this.#at(old)
        this.#allEnded -= this.#ended[at] ?? 0
        this.#allDead -= this.#dead[at] ?? 0
        this.#ended[at] = 0
        this.#dead[at] = 0
      }
    this.#slice = slice
  }
}
