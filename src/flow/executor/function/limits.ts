import type { Clock, Timer } from '../../../lib/index.ts'

/** Why a run of a function is ended from outside. */
export type EndedBy = 'timeout' | 'no-progress' | 'cancelled'

export interface LimitOptions {
  readonly clock: Clock
  /** Milliseconds; 0 = none. */
  readonly timeoutMs: number
  /** Longest silence between two signs of life, milliseconds; 0 = none. */
  readonly noProgressMs: number
  /** When the last sign of life came, on the monotonic clock. */
  readonly lastSign: () => number
  readonly ended: (by: EndedBy) => void
}

/** The clocks of one run: its time limit and its longest silence. Tells at most once. */
export class Limits {
  readonly #options: LimitOptions
  readonly #timeout: Timer | null
  #quiet: Timer | null = null

  constructor(options: LimitOptions) {
    this.#options = options
    const { clock, timeoutMs, noProgressMs } = options
    this.#timeout = timeoutMs > 0 ? clock.timer(timeoutMs, () => this.#end('timeout')) : null
    if (noProgressMs > 0) this.#listen(noProgressMs)
  }

  stop(): void {
    this.#timeout?.cancel()
    this.#quiet?.cancel()
  }

  #end(by: EndedBy): void {
    this.stop()
    this.#options.ended(by)
  }

  #listen(ms: number): void {
    const { clock, noProgressMs, lastSign } = this.#options
    this.#quiet = clock.timer(ms, () => {
      const left = lastSign() + noProgressMs - clock.monotonic()
      if (left > 0) this.#listen(left)
      else this.#end('no-progress')
    })
  }
}

/** One sentence for the reader. */
export function endedSentence(by: EndedBy, timeoutMs: number, noProgressMs: number): string {
  if (by === 'timeout') return `The function ran longer than ${timeoutMs / 1000} s and was ended.`
  if (by === 'cancelled') return 'The function was ended on request.'
  return `The function gave no sign of progress for ${noProgressMs / 1000} s and was ended.`
}
