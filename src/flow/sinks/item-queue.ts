import { type BatchOptions, fits } from './batcher.ts'
import type { Item } from './item.ts'

const COMPACT_AT = 1024

/**
 * The records that wait for one sink, first in first out. Records of aborted calls are skipped, and let go together when
 * there are many, so that an abort costs nothing per record.
 */
export class ItemQueue {
  #items: Item[] = []
  #head = 0
  #records = 0
  #bytes = 0

  /** Without those of aborted calls. */
  get records(): number {
    return this.#records
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Arrival of the first record; the queue must not be empty. */
  get oldestAt(): number {
    this.#skipDone()
    return this.#items[this.#head]?.since ?? 0
  }

  push(item: Item): void {
    this.#items.push(item)
    this.#count(item)
  }

  /** Puts records that were taken before in front of all others. */
  putBack(items: readonly Item[]): void {
    if (items.length === 0) return
    this.#items = [...items, ...this.#items.slice(this.#head)]
    this.#head = 0
    for (const item of items) this.#count(item)
  }

  /** The next batch, in order. */
  take(options: BatchOptions): Item[] {
    const batch: Item[] = []
    let bytes = 0
    for (; this.#head < this.#items.length; this.#head += 1) {
      const item = this.#items[this.#head] as Item
      if (item.done) continue
      if (!fits(batch.length, bytes, item.size, options)) break
      bytes += item.size
      batch.push(item)
      this.#uncount(item)
    }
    this.#compact()
    return batch
  }

  /** The next probe of a circuit: another record each time, and rather one that was never refused. */
  takeProbe(): Item | undefined {
    let best = -1
    for (let at = this.#head; at < this.#items.length; at += 1) {
      const item = this.#items[at] as Item
      if (!item.done && (best < 0 || isBetterProbe(item, this.#items[best] as Item))) best = at
    }
    if (best < 0) return undefined
    const [item] = this.#items.splice(best, 1)
    if (item !== undefined) this.#uncount(item)
    return item
  }

  /** The record's call was aborted: it is `done` and will be skipped. */
  drop(item: Item): void {
    this.#uncount(item)
    const left = this.#items.length - this.#head
    if (left < COMPACT_AT || left < 2 * this.#records) return
    this.#items = this.#items.slice(this.#head).filter((queued) => !queued.done)
    this.#head = 0
  }

  #count(item: Item): void {
    item.queued = true
    this.#records += 1
    this.#bytes += item.size
  }

  #uncount(item: Item): void {
    item.queued = false
    this.#records -= 1
    this.#bytes -= item.size
  }

  #skipDone(): void {
    while (this.#head < this.#items.length && (this.#items[this.#head] as Item).done) this.#head += 1
  }

  /** Lets go of what was taken: each record is moved once at most. */
  #compact(): void {
    if (2 * this.#head < this.#items.length) return
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }
}

function isBetterProbe(item: Item, other: Item): boolean {
  return item.probes === other.probes ? item.attempts < other.attempts : item.probes < other.probes
}
