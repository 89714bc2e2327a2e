import { type Holds, partitionKey, reasonOf, type TopicPartition } from '../../../../model/index.ts'
import { DriverError } from '../driver.ts'
import { isRefusal } from './refusals.ts'

/** Failures in a row at which the partitions are held. */
const MOST = 4
/** A rebalance, or partitions that went away: no failure of transactions. */
const REBALANCE: ReadonlySet<number> = new Set([22, 25, 27, 82, -142])

/** Holds the partitions whose transactions fail and fail: their results reach nobody. */
export class Failing {
  readonly #holds: Holds
  readonly #held = new Map<string, () => void>()
  #failures = 0

  constructor(holds: Holds) {
    this.#holds = holds
  }

  /** A transaction ended. */
  note(partitions: readonly TopicPartition[], error: Error | null): void {
    if (error === null) {
      this.#failures = 0
      for (const release of this.#held.values()) release()
      this.#held.clear()
      return
    }
    // Which output is refused is found out and told elsewhere.
    if (isRefusal(error) || (error instanceof DriverError && REBALANCE.has(error.errno))) return
    this.#failures += 1
    if (this.#failures < MOST) return
    const detail =
      `the transaction with its results and offsets cannot be committed: ${reasonOf(error)}. Nothing is lost and nothing ` +
      'runs again; it is tried until it works. Check the brokers and the rights on the transactional id.'
    for (const at of partitions) {
      const before = this.#held.get(partitionKey(at))
      this.#held.set(partitionKey(at), this.#holds.place(at, { reason: 'transaction', detail }))
      before?.()
    }
  }

  /** The partition is gone. */
  forget(at: TopicPartition): void {
    this.#held.get(partitionKey(at))?.()
    this.#held.delete(partitionKey(at))
  }
}
