import { setImmediate } from 'node:timers'
import { type Clock, Heap, type Timer } from '../lib/index.ts'

/** 2026-01-01T00:00:00Z: the wall time at which virtual worlds begin. */
const EPOCH = Date.UTC(2026, 0, 1)

/** Nothing is scheduled any more, and what was waited for has not come: the world can never move again. */
export class StuckError extends Error {
  constructor(what: string, at: number) {
    super(`the virtual world stands still at ${at} ms: nothing is scheduled, and ${what}`)
    this.name = 'StuckError'
  }
}

/** Part of a virtual clock that can be cut off as a whole, as a machine that loses power. */
export interface ClockBranch extends Clock {
  readonly alive: boolean
  /** From now on no timer of this branch fires, and new ones are never scheduled. */
  cut(): void
}

/** A clock that moves only when it is told to. */
export interface VirtualClock extends Clock {
  /** Timers that will still fire. */
  readonly scheduled: number
  /** Lets everything happen that is due within `ms` milliseconds; afterwards exactly so much time has passed. */
  run(ms: number): Promise<void>
  /** Runs until nothing is scheduled. Rejects after `limitMs` (default one hour of virtual time): something repeats. */
  runUntilIdle(limitMs?: number): Promise<void>
  /**
   * Runs until the promise settles and answers it. Rejects with a `StuckError` where nothing is scheduled and it has not
   * settled, and after `limitMs` of virtual time (default one hour).
   */
  runUntil<T>(promise: Promise<T>, limitMs?: number): Promise<T>
  /** A clock with the same time whose timers can be cut off together. */
  branch(): ClockBranch
}

interface Entry {
  readonly at: number
  readonly order: number
  run: (() => void) | null
}

const HOUR = 3_600_000

/**
 * A clock that stands still until it is told to move. Timers fire in the order of their time, those of the same time in
 * the order in which they were set. Before each timer everything that promises can do is done: the drain is one turn of
 * the machine's event loop, which begins only when the microtask queue is empty, however long its chains are. So a world
 * that uses promises and this clock alone (no sockets, no files, no real timers) takes the same steps on every run.
 */
export function virtualClock(startAt: number = EPOCH): VirtualClock {
  return new SimulatedClock(startAt)
}

class SimulatedClock implements VirtualClock {
  readonly #startAt: number
  readonly #timers: Heap<Entry> = new Heap((a, b) => (a.at === b.at ? a.order < b.order : a.at < b.at))
  #elapsed = 0
  #order = 0
  #live = 0

  constructor(startAt: number) {
    this.#startAt = startAt
  }

  get scheduled(): number {
    return this.#live
  }

  now(): number {
    return this.#startAt + this.#elapsed
  }

  monotonic(): number {
    return this.#elapsed
  }

  timer(ms: number, run: () => void): Timer {
    const entry: Entry = { at: this.#elapsed + Math.max(0, ms), order: this.#order++, run }
    this.#timers.push(entry)
    this.#live += 1
    return {
      cancel: () => {
        if (entry.run === null) return
        entry.run = null
        this.#live -= 1
      },
    }
  }

  async run(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await this.#advance(end, () => false)
    this.#elapsed = end
  }

  async runUntilIdle(limitMs: number = HOUR): Promise<void> {
    await this.#advance(this.#elapsed + limitMs, () => false)
    if (this.#live > 0) throw new Error(`the virtual world does not come to rest within ${limitMs} ms`)
  }

  async runUntil<T>(promise: Promise<T>, limitMs: number = HOUR): Promise<T> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    promise.then(settle, settle)
    await this.#advance(this.#elapsed + limitMs, () => settled)
    if (!settled && this.#live === 0) throw new StuckError('what was waited for has not come', this.#elapsed)
    if (!settled) throw new Error(`what was waited for has not come within ${limitMs} ms of virtual time`)
    return await promise
  }

  branch(): ClockBranch {
    return new Branch(this)
  }

  async #advance(end: number, done: () => boolean): Promise<void> {
    await drain()
    while (!done()) {
      const entry = this.#next()
      if (entry === undefined || entry.at > end) return
      this.#timers.pop()
      this.#elapsed = entry.at
      const run = entry.run
      entry.run = null
      this.#live -= 1
      run?.()
      await drain()
    }
  }

  /** The next timer that was not cancelled; it stays in the heap. */
  #next(): Entry | undefined {
    let entry = this.#timers.peek()
    while (entry !== undefined && entry.run === null) {
      this.#timers.pop()
      entry = this.#timers.peek()
    }
    return entry
  }
}

class Branch implements ClockBranch {
  readonly #clock: Clock
  readonly #timers = new Set<Timer>()
  #alive = true

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get alive(): boolean {
    return this.#alive
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  timer(ms: number, run: () => void): Timer {
    if (!this.#alive) return { cancel: () => undefined }
    const timer = this.#clock.timer(ms, () => {
      this.#timers.delete(timer)
      run()
    })
    this.#timers.add(timer)
    return {
      cancel: () => {
        timer.cancel()
        this.#timers.delete(timer)
      },
    }
  }

  cut(): void {
    this.#alive = false
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }
}

/** One turn of the event loop: it comes only when no microtask is left. */
function drain(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
