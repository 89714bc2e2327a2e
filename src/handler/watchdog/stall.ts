export interface StallLimits {
  /** Silent for so long: say so, milliseconds. */
  readonly warnMs: number
  /** Silent for so long: end the process, milliseconds. */
  readonly stallMs: number
  /** Time between two looks, milliseconds. */
  readonly tickMs: number
}

export type Judgement = 'fine' | 'warn' | 'blocked' | 'stalled' | 'recovered'

/**
 * Judges how long the beat has been silent. Time counts only as far as the looks themselves came in time: a process
 * that was stopped as a whole (SIGSTOP, a suspended machine) was not blocked by its user's code.
 */
export class Stall {
  readonly #limits: StallLimits
  #beat: number
  #warned = false
  #ended = false
  silentMs = 0

  constructor(limits: StallLimits, beat: number) {
    this.#limits = limits
    this.#beat = beat
  }

  /** One look: the beat as it is, and how long the last look is past. */
  look(beat: number, sinceMs: number): Judgement {
    if (beat !== this.#beat) {
      this.#beat = beat
      const recovered = this.#warned
      this.#warned = false
      this.#ended = false
      if (!recovered) this.silentMs = 0
      return recovered ? 'recovered' : 'fine'
    }
    const { warnMs, stallMs, tickMs } = this.#limits
    this.silentMs += Math.min(sinceMs, 2 * tickMs)
    if (this.silentMs >= stallMs && !this.#ended) {
      this.#ended = true
      return 'stalled'
    }
    if (this.silentMs < warnMs) return 'fine'
    const first = !this.#warned
    this.#warned = true
    return first ? 'warn' : 'blocked'
  }

  /** Begins to count anew, after a recovery was reported. */
  reset(): void {
    this.silentMs = 0
  }
}
