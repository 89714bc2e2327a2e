import type { Clock, Timer } from '../../../lib/index.ts'

/** Between two looks where nothing is due, milliseconds. */
const EVERY_MS = 500
/** No two looks are closer. */
const LEAST_MS = 5

/** Looks at everything now and then, and when something is due: one timer for all tasks. */
export class Sweep {
  readonly #clock: Clock
  readonly #look: (now: number) => number
  #timer: Timer | null = null
  #at = 0
  #running = false

  /** `look` answers when it has to look again at the latest, on the monotonic clock. */
  constructor(clock: Clock, look: (now: number) => number) {
    this.#clock = clock
    this.#look = look
  }

  start(): void {
    this.#running = true
    this.#set(this.#clock.monotonic() + EVERY_MS)
  }

  /** Something is due then. */
  due(at: number): void {
    if (at < this.#at - LEAST_MS) this.#set(at)
  }

  stop(): void {
    this.#running = false
    this.#timer?.cancel()
  }

  #set(at: number): void {
    this.#timer?.cancel()
    if (!this.#running) return
    const now = this.#clock.monotonic()
    const wait = Math.max(LEAST_MS, at - now)
    this.#at = now + wait
    this.#timer = this.#clock.timer(wait, () => {
      const then = this.#clock.monotonic()
      this.#set(Math.min(this.#look(then), this.#clock.monotonic() + EVERY_MS))
    })
  }
}
