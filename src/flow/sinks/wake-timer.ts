import type { Clock, Timer } from '../../lib/index.ts'

/** Calls `run` at the end of the current turn, or later; of several wishes the earliest counts. */
export class WakeTimer {
  readonly #clock: Clock
  readonly #run: () => void
  #soon = false
  #timer: Timer | null = null
  #at = 0

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock
    this.#run = run
  }

  soon(): void {
    if (this.#soon) return
    this.#soon = true
    queueMicrotask(() => {
      this.#soon = false
      this.#run()
    })
  }

  within(ms: number): void {
    const at = this.#clock.monotonic() + ms
    if (this.#timer !== null && this.#at <= at) return
    this.#timer?.cancel()
    this.#at = at
    this.#timer = this.#clock.timer(ms, () => {
      this.#timer = null
      this.#run()
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
