import { partitionKey, type TopicPartition } from '../../../../model/index.ts'
import type { Stats } from './stats.ts'

/** Statistics in a row that must say so: the first may have been written before the last seek. */
const IN_A_ROW = 2

/**
 * Finds partitions that the client has stopped fetching because the log does not hold their position. The client tells
 * that as an error of `consume` without the partition's name, and not at all when records came with it; its statistics
 * show the state `none` for as long as it lasts.
 */
export class PositionWatch {
  readonly #stopped = new Map<string, number>()

  /** Reads one statistics document; returns the owned partitions that are newly found to be stopped. */
  read({ topics = {} }: Stats, owned: readonly TopicPartition[]): readonly TopicPartition[] {
    if (owned.length === 0) return []
    const found = owned.filter((at) => {
      const state = topics[at.topic]?.partitions?.[at.partition]?.fetch_state
      const key = partitionKey(at)
      if (state !== 'none') {
        this.#stopped.delete(key)
        return false
      }
      const times = (this.#stopped.get(key) ?? 0) + 1
      this.#stopped.set(key, times)
      return times === IN_A_ROW
    })
    return found.map(({ topic, partition }) => ({ topic, partition }))
  }

  /** The partition has a new position: what was seen before counts no more. */
  forget(at: TopicPartition): void {
    this.#stopped.delete(partitionKey(at))
  }
}
