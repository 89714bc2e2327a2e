import type { OffsetRange } from './finished-map.ts'

const SMALLEST = 1024

/**
 * Fetched offsets in ascending order, each done or not, from the first that is not done. Append and settle cost O(1)
 * where offsets have no gaps, O(log n) where they have; 8 bytes and one bit per offset.
 */
export class OffsetRing {
  #offsets = new Float64Array(SMALLEST)
  #done = new Uint32Array(SMALLEST >>> 5)
  #mask = SMALLEST - 1
  /** Absolute index of the first offset that is not done. */
  #head = 0
  /** Absolute index after the last offset. */
  #tail = 0
  /** Absolute index of the highest done offset; below the head where there is none. */
  #lastDone = -1
  #undone = 0

  /** How many offsets are kept: the first undone one and everything above. */
  get size(): number {
    return this.#tail - this.#head
  }

  get undone(): number {
    return this.#undone
  }

  /** The lowest undone offset; undefined where all are done. */
  get first(): number | undefined {
    return this.#head === this.#tail ? undefined : this.#at(this.#head)
  }

  /** The highest done offset above the first undone one. */
  get highestDone(): number | undefined {
    return this.#lastDone > this.#head ? this.#at(this.#lastDone) : undefined
  }

  /** Appends an offset; it must be above all others. */
  push(offset: number, done: boolean): void {
    if (done && this.#head === this.#tail) return
    if (this.#tail - this.#head > this.#mask) this.#resize((this.#mask + 1) * 2)
    const slot = this.#tail & this.#mask
    this.#offsets[slot] = offset
    if (done) {
      this.#done[slot >>> 5]! |= 1 << (slot & 31)
      this.#lastDone = this.#tail
    } else {
      this.#done[slot >>> 5]! &= ~(1 << (slot & 31))
      this.#undone += 1
    }
    this.#tail += 1
  }

  has(offset: number): boolean {
    return this.#find(offset) !== -1
  }

  /** True where the offset was there and not done yet. */
  settle(offset: number): boolean {
    const index = this.#find(offset)
    if (index === -1 || this.#isDone(index)) return false
    const slot = index & this.#mask
    this.#done[slot >>> 5]! |= 1 << (slot & 31)
    this.#undone -= 1
    if (index > this.#lastDone) this.#lastDone = index
    if (index === this.#head) this.#advance()
    return true
  }

  /**
   * Undone offsets as ranges that hold no done one; up to the highest done offset, or with `all` to the end.
   */
  undoneRanges(all: boolean): OffsetRange[] {
    const ranges: OffsetRange[] = []
    const end = all ? this.#tail : this.#lastDone
    let index = this.#head
    while (index < end) {
      const after = this.#seek(index, end, true)
      ranges.push({ from: this.#at(index), to: this.#at(after - 1) })
      index = this.#seek(after, end, false)
    }
    return ranges
  }

  #at(index: number): number {
    return this.#offsets[index & this.#mask] as number
  }

  #isDone(index: number): boolean {
    const slot = index & this.#mask
    return ((this.#done[slot >>> 5] as number) & (1 << (slot & 31))) !== 0
  }

  #advance(): void {
    this.#head = this.#seek(this.#head, this.#tail, false)
    if (this.#head === this.#tail && this.#mask >= SMALLEST * 4) this.#resize(SMALLEST)
  }

  /** First index at or above `index` that is (not) done; `end` where there is none. */
  #seek(index: number, end: number, done: boolean): number {
    let at = index
    while (at < end) {
      const slot = at & this.#mask
      const word = this.#done[slot >>> 5] as number
      const bits = (done ? word : ~word) >>> (slot & 31)
      if (bits !== 0) return Math.min(end, at + 31 - Math.clz32(bits & -bits))
      at += 32 - (slot & 31)
    }
    return end
  }

  #find(offset: number): number {
    if (this.#head === this.#tail) return -1
    const distance = offset - this.#at(this.#head)
    if (distance < 0) return -1
    // Offsets ascend by at least one, so no index is farther from the head than the offset is.
    let high = Math.min(this.#tail - 1, this.#head + distance)
    if (this.#at(high) === offset) return high
    let low = this.#head
    while (low <= high) {
      const middle = Math.floor((low + high) / 2)
      const found = this.#at(middle)
      if (found === offset) return middle
      if (found < offset) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  #resize(capacity: number): void {
    const offsets = new Float64Array(capacity)
    const done = new Uint32Array(capacity >>> 5)
    for (let index = this.#head; index < this.#tail; index += 1) {
      const slot = index & (capacity - 1)
      offsets[slot] = this.#at(index)
      if (this.#isDone(index)) done[slot >>> 5]! |= 1 << (slot & 31)
    }
    this.#offsets = offsets
    this.#done = done
    this.#mask = capacity - 1
  }
}
