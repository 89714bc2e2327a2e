import type { Partition } from './partition.ts'
import type { Valve } from './valve.ts'

/** Shares of the metadata budget at which intake pauses and goes on. */
const FULL = 0.75
const ROOMY = 0.5
/** Without a commit for so long nothing more is taken in: all of it would run again after a crash. */
export const UNCOMMITTED_MS = 2000

/**
 * Keeps what a partition must remember within bounds: done offsets above a slow one, the map of a commit, and what would
 * run again.
 */
export class Bounds {
  readonly #valve: Valve
  readonly #maxSpan: number

  constructor(valve: Valve, maxSpan: number) {
    this.#valve = valve
    this.#maxSpan = maxSpan
  }

  /** Offsets were fetched or ended. */
  span(partition: Partition): void {
    const ahead = partition.ledger.doneAhead
    if (ahead >= this.#maxSpan) this.#valve.pause(partition, 'span')
    else if (ahead * 2 <= this.#maxSpan) this.#valve.resume(partition, 'span')
  }

  /** A commit was encoded; its map took this share of the budget. */
  metadata(partition: Partition, fill: number): void {
    // With nothing under way only intake can shrink the map (it was restored so big): pausing would be for ever.
    const underWay = partition.ledger.unfinished > 0
    if (fill >= FULL && underWay) this.#valve.pause(partition, 'metadata')
    else if (fill <= ROOMY || !underWay) this.#valve.resume(partition, 'metadata')
  }

  /** A commit was taken (0), or none has been for so long. */
  committed(partition: Partition, forMs: number): void {
    if (forMs >= UNCOMMITTED_MS) this.#valve.pause(partition, 'commits')
    else if (forMs === 0) this.#valve.resume(partition, 'commits')
  }
}
