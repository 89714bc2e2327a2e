import { type Announce, type Hold, type Holds, partitionKey, type TopicPartition } from '../../model/index.ts'

interface Held {
  readonly at: TopicPartition
  hold: Hold
  count: number
}

/** Counts the holds of every partition and tells when a partition's first hold of a reason comes and its last one goes. */
export class HoldRegistry implements Holds {
  readonly #held = new Map<string, Map<string, Held>>()
  readonly #announce: Announce
  #changed: (at: TopicPartition, reason: string, held: boolean) => void = () => undefined

  constructor(announce: Announce) {
    this.#announce = announce
  }

  /** Calls `changed` when a partition's first hold of a reason comes and when its last one goes. One watcher. */
  watch(changed: (at: TopicPartition, reason: string, held: boolean) => void): void {
    this.#changed = changed
  }

  place(at: TopicPartition, hold: Hold): () => void {
    const key = partitionKey(at)
    const reasons = this.#held.get(key) ?? new Map<string, Held>()
    this.#held.set(key, reasons)
    const held = reasons.get(hold.reason) ?? { at, hold, count: 0 }
    reasons.set(hold.reason, held)
    held.hold = hold
    held.count += 1
    if (held.count === 1) {
      this.#announce({ type: 'held', at, hold })
      this.#changed(at, hold.reason, true)
    }
    let released = false
    return () => {
      if (released) return
      released = true
      this.#release(key, reasons, held)
    }
  }

  /** Forgets everything of a partition that is gone; what releases its holds later does nothing. */
  clear(at: TopicPartition): void {
    this.#held.delete(partitionKey(at))
  }

  of(at: TopicPartition): readonly Hold[] {
    return [...(this.#held.get(partitionKey(at))?.values() ?? [])].map((held) => held.hold)
  }

  /** Every hold with the partitions it holds, for readiness. */
  all(): readonly { readonly at: TopicPartition; readonly hold: Hold }[] {
    return [...this.#held.values()].flatMap((reasons) => [...reasons.values()].map(({ at, hold }) => ({ at, hold })))
  }

  #release(key: string, reasons: Map<string, Held>, held: Held): void {
    held.count -= 1
    if (held.count > 0 || this.#held.get(key) !== reasons) return
    reasons.delete(held.hold.reason)
    if (reasons.size === 0) this.#held.delete(key)
    this.#announce({ type: 'hold_lifted', at: held.at, hold: held.hold })
    this.#changed(held.at, held.hold.reason, false)
  }
}
