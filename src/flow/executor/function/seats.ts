import type { CancelSignal } from '../cancellation.ts'

export interface SeatsOptions<T> {
  /** Most at once, until `resize`. */
  readonly most: number
  readonly open: () => T
  /** It is free and will not be used again. */
  readonly close: (seat: T) => void
}

/** Places for one run each: who has one, who waits for one, and how many there are. Pure bookkeeping. */
export class Seats<T> {
  readonly #options: SeatsOptions<T>
  readonly #all: Set<T> = new Set()
  /** Used last, taken first: the others may not have loaded anything yet. */
  readonly #free: T[] = []
  readonly #waiting: ((seat: T | null) => void)[] = []
  #most: number
  #ended = false

  constructor(options: SeatsOptions<T>) {
    this.#options = options
    this.#most = options.most
  }

  /** Those that may be used, those that only end what they have, and how many there may be. */
  get size(): { readonly live: number; readonly leaving: number; readonly most: number } {
    const live = Math.min(this.#all.size, this.#most)
    return { live, leaving: this.#all.size - live, most: this.#most }
  }

  /** Opens all that there may be. */
  fill(): void {
    while (this.#all.size < this.#most) this.#free.push(this.#open())
  }

  /** One that is free, or a new one, or the first that will be free. Null where `signal` aborts before, or at the end. */
  take(signal: CancelSignal): Promise<T | null> {
    if (signal.aborted || this.#ended) return Promise.resolve(null)
    const seat = this.#free.pop() ?? (this.#all.size < this.#most ? this.#open() : undefined)
    if (seat !== undefined) return Promise.resolve(seat)
    return new Promise((resolve) => {
      const take = (given: T | null): void => {
        signal.removeEventListener('abort', leave)
        resolve(given)
      }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1)
        resolve(null)
      }
      this.#waiting.push(take)
      signal.addEventListener('abort', leave)
    })
  }

  /** The run is over: the next one has its seat, or nobody where there are too many. */
  give(seat: T): void {
    if (this.#ended) return
    if (this.#all.size > this.#most) return this.#close(seat)
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(seat)
    else next(seat)
  }

  /** From now on so many: more are opened when somebody needs them, and who is too many goes when it is free. */
  resize(most: number): void {
    this.#most = most
    while (this.#waiting.length > 0 && this.#all.size < most) this.#waiting.shift()?.(this.#open())
    while (this.#all.size > most) {
      const seat = this.#free.shift()
      if (seat === undefined) return
      this.#close(seat)
    }
  }

  /** Closes all of them, whatever runs in them; who waits gets none. */
  end(): void {
    this.#ended = true
    for (const leave of this.#waiting.splice(0)) leave(null)
    for (const seat of this.#all) this.#close(seat)
  }

  #open(): T {
    const seat = this.#options.open()
    this.#all.add(seat)
    return seat
  }

  #close(seat: T): void {
    this.#all.delete(seat)
    this.#options.close(seat)
  }
}
