import type { FinishedMap, OffsetRange, Snapshot } from './finished-map.ts'
import { OffsetRing } from './offset-ring.ts'

/** `new`: run it. `done`: the restored map says it is finished. `known`: fetched before. */
export type Fetched = 'new' | 'done' | 'known' | 'out_of_order'

/** `again`: it was finished before. `unknown`: it was never fetched. */
export type Settled = 'settled' | 'again' | 'unknown'

/**
 * What is done of one partition during one assignment: data only, no clock, no Kafka. Offsets may have gaps, so nothing
 * is inferred by arithmetic: only offsets that were fetched can be unfinished, and the position is the lowest of them.
 */
export class Ledger {
  readonly #ring = new OffsetRing()
  /** One above the highest offset that was fetched or skipped. */
  #next: number
  #touched = false
  #restored: FinishedMap | null
  /** First range of the restored map that fetching has not passed. */
  #cursor = 0
  #version = 1
  #acknowledged = 0
  #committed: number | null = null

  /**
   * @param start the offset that fetching starts at
   * @param restored what the last commit said is finished above it
   */
  constructor(start: number, restored: FinishedMap | null = null) {
    this.#next = start
    this.#restored = restored
  }

  /** The offset to commit: the lowest unfinished fetched one, else the next one to come. Never goes back. */
  get position(): number {
    return this.#ring.first ?? this.#next
  }

  /** The lowest offset that may still come. */
  get next(): number {
    return this.#next
  }

  /** Fetched and not finished. */
  get unfinished(): number {
    return this.#ring.undone
  }

  /** Finished, but kept because something below is not. */
  get doneAhead(): number {
    return this.#ring.size - this.#ring.undone
  }

  /** Fetched offsets from the position on. */
  get span(): number {
    return this.#ring.size
  }

  /** The last acknowledged offset; null before the first acknowledgement. */
  get committed(): number | null {
    return this.#committed
  }

  /**
   * Something is finished that no acknowledged commit says. True from the beginning: the first commit is the claim. False
   * while the position is below what was acknowledged (after `startAt`), since committed offsets never go down.
   */
  get dirty(): boolean {
    return this.#version > this.#acknowledged && this.position >= (this.#committed ?? 0)
  }

  /** Nothing was fetched yet. */
  get untouched(): boolean {
    return !this.#touched
  }

  /** Takes in an offset; they must come in ascending order. An offset that came before changes nothing. */
  fetched(offset: number): Fetched {
    if (offset < this.#next) {
      return offset < this.position || this.#ring.has(offset) ? 'known' : 'out_of_order'
    }
    this.#touched = true
    const done = this.#restoredAsDone(offset)
    this.#ring.push(offset, done)
    this.#next = offset + 1
    if (done) this.#version += 1
    return done ? 'done' : 'new'
  }

  /** The message has its end. Unknown offsets and repeats change nothing. */
  settle(offset: number): Settled {
    if (this.#ring.settle(offset)) {
      this.#version += 1
      return 'settled'
    }
    return offset < this.position || this.#ring.has(offset) ? 'again' : 'unknown'
  }

  /** Offsets below `to` that were not fetched can never be (the log lost them): fetching goes on at `to`. */
  skip(to: number): void {
    if (to <= this.#next) return
    this.#next = to
    this.#version += 1
  }

  /** Starts elsewhere, without a restored map. Only before anything was fetched. */
  startAt(offset: number): void {
    if (this.#touched) throw new Error('a ledger cannot start elsewhere after its first fetched offset')
    this.#next = offset
    this.#restored = null
    this.#version += 1
  }

  /** Offset and map to commit, from one moment. */
  snapshot(): Snapshot {
    const open = this.#restored !== null && this.#restored.horizon >= this.#next ? this.#restored : null
    const horizon = open?.horizon ?? this.#ring.highestDone
    const map =
      horizon === undefined
        ? null
        : { horizon, unfinished: joined(this.#ring.undoneRanges(open !== null), this.#restoredAhead(open)) }
    return { offset: this.position, map, version: this.#version }
  }

  /** The broker acknowledged the commit of this snapshot. */
  acknowledged(snapshot: Snapshot): void {
    if (snapshot.version <= this.#acknowledged) return
    this.#acknowledged = snapshot.version
    this.#committed = snapshot.offset
  }

  #restoredAsDone(offset: number): boolean {
    const restored = this.#restored
    if (restored === null) return false
    if (offset > restored.horizon) {
      this.#restored = null
      return false
    }
    const ranges = restored.unfinished
    while (this.#cursor < ranges.length && (ranges[this.#cursor] as OffsetRange).to < offset) this.#cursor += 1
    const range = ranges[this.#cursor]
    return range === undefined || offset < range.from
  }

  /** The ranges of the restored map that are still ahead of fetching. */
  #restoredAhead(restored: FinishedMap | null): OffsetRange[] {
    const ahead: OffsetRange[] = []
    if (restored === null) return ahead
    for (const range of restored.unfinished.slice(this.#cursor)) {
      if (range.to >= this.#next) ahead.push({ from: Math.max(range.from, this.#next), to: range.to })
    }
    return ahead
  }
}

function joined(below: OffsetRange[], above: readonly OffsetRange[]): OffsetRange[] {
  const last = below.at(-1)
  const first = above[0]
  if (last === undefined || first === undefined || last.to + 1 < first.from) return [...below, ...above]
  return [...below.slice(0, -1), { from: last.from, to: first.to }, ...above.slice(1)]
}
