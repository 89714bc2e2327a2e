import type { RawMessage } from '../../model/index.ts'

/** One partition's log: records in offset order, with gaps. */
export class PartitionLog {
  readonly #records: RawMessage[] = []
  #low = 0
  #high = 0

  /** Smallest offset that the log still holds. */
  get low(): number {
    return this.#low
  }

  /** The offset that the next record gets. */
  get high(): number {
    return this.#high
  }

  get records(): readonly RawMessage[] {
    return this.#records
  }

  append(record: Omit<RawMessage, 'offset'>): RawMessage {
    const placed: RawMessage = { ...record, offset: this.#high }
    this.#records.push(placed)
    this.#high += 1
    return placed
  }

  /** Offsets that no record has: what compaction and transaction markers leave behind. */
  skip(count: number): void {
    this.#high += count
  }

  /** Retention: everything below `offset` is gone. */
  truncate(offset: number): void {
    this.#low = Math.min(Math.max(this.#low, offset), this.#high)
    let gone = 0
    while ((this.#records[gone]?.offset ?? Number.POSITIVE_INFINITY) < this.#low) gone += 1
    this.#records.splice(0, gone)
  }

  /** Up to `max` records from `offset` on. */
  read(offset: number, max: number): readonly RawMessage[] {
    let from = 0
    let to = this.#records.length
    while (from < to) {
      const middle = (from + to) >> 1
      if ((this.#records[middle] as RawMessage).offset < offset) from = middle + 1
      else to = middle
    }
    return this.#records.slice(from, from + max)
  }
}
