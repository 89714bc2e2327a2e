import type { Moment } from './display.ts'
import { NOTHING_YET, type WorkerFigures } from './metrics.ts'

const STEP_MS = 500

/** Where the run stands, as the topics, the group and the worker's metrics tell. */
export class Tracker {
  /** Messages to come; 0 until that is known. */
  total = 0
  doing = ''
  produced = 0
  answers = 0
  dead = 0
  committed = 0
  worker: WorkerFigures = NOTHING_YET
  readonly #begin = performance.now()
  readonly #rates: number[] = []
  #stepAt = performance.now()
  #stepDone = 0
  #movedAt = performance.now()
  #moved = ''

  get done(): number {
    return this.answers + this.dead
  }

  get seconds(): number {
    return (performance.now() - this.#begin) / 1000
  }

  /** Seconds since anything last changed. */
  get stillSeconds(): number {
    return (performance.now() - this.#movedAt) / 1000
  }

  /** To be called many times a second. */
  step(): void {
    const now = performance.now()
    const state = `${this.produced} ${this.done} ${this.committed}`
    if (state !== this.#moved) {
      this.#moved = state
      this.#movedAt = now
    }
    if (now - this.#stepAt < STEP_MS) return
    // Before the first message ended there is no rate to speak of.
    if (this.done > 0) this.#rates.push(((this.done - this.#stepDone) * STEP_MS) / (now - this.#stepAt))
    this.#stepAt = now
    this.#stepDone = this.done
  }

  moment(): Moment {
    const { seconds, doing, total, produced, answers, dead, committed } = this
    return { seconds, doing, total, produced, answers, dead, committed, ...this.worker, rates: this.#rates }
  }
}
