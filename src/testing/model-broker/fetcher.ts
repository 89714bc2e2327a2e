import type { StartPosition } from '../../flow/source/index.ts'
import { partitionKey, type RawMessage, type TopicPartition } from '../../model/index.ts'
import type { Cluster } from './cluster.ts'
import type { Link } from './link.ts'

/** Records of one partition that the client may already hold when its fetching stops. */
const BUFFERED = 20

interface Owned {
  readonly at: TopicPartition
  position: number
  paused: boolean
  /** The log does not hold the position; nothing is read until a seek. */
  stopped: boolean
  /** While the group rebalances only what the client had fetched before comes out: offsets below this. */
  bufferedUntil: number | null
}

interface Picked {
  readonly from: Owned
  readonly record: RawMessage
}

/** The partitions that one client reads: positions, pauses, and what a poll brings. */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #link: Link
  readonly #client: string
  readonly #outOfRange: (at: TopicPartition) => void
  readonly #owned = new Map<string, Owned>()
  #turn = 0

  constructor(of: { cluster: Cluster; link: Link; client: string; outOfRange: (at: TopicPartition) => void }) {
    this.#cluster = of.cluster
    this.#link = of.link
    this.#client = of.client
    this.#outOfRange = of.outOfRange
  }

  get owned(): readonly TopicPartition[] {
    return [...this.#owned.values()].map((owned) => owned.at)
  }

  owns(at: TopicPartition): boolean {
    return this.#owned.has(partitionKey(at))
  }

  /** Answers the offset that reading begins at. */
  take(start: StartPosition): number {
    const at = { topic: start.topic, partition: start.partition }
    const position = this.#resolve(start)
    this.#owned.set(partitionKey(at), { at, position, paused: false, stopped: false, bufferedUntil: null })
    return position
  }

  give(at: TopicPartition): void {
    this.#owned.delete(partitionKey(at))
  }

  pause(at: TopicPartition, paused: boolean): void {
    const owned = this.#owned.get(partitionKey(at))
    if (owned !== undefined) owned.paused = paused
  }

  /** False where the partition is not owned. */
  seek(start: StartPosition): boolean {
    const owned = this.#owned.get(partitionKey(start))
    if (owned === undefined) return false
    // A new object: what a poll under way took from the old position is not for this one.
    this.#owned.set(partitionKey(start), { ...owned, position: this.#resolve(start), stopped: false })
    return true
  }

  /** The group asks something of us: nothing is fetched, what was fetched before may still come out. */
  freeze(): void {
    for (const owned of this.#owned.values()) owned.bufferedUntil = owned.position + this.#link.pick(BUFFERED)
  }

  thaw(): void {
    for (const owned of this.#owned.values()) owned.bufferedUntil = null
  }

  /** Takes what is there now, from one partition after another. */
  pick(max: number): readonly Picked[] {
    if (this.#link.isolated) return []
    const picked: Picked[] = []
    const all = [...this.#owned.values()]
    this.#turn += 1
    for (let nth = 0; nth < all.length && picked.length < max; nth += 1) {
      const owned = all[(nth + this.#turn) % all.length] as Owned
      for (const record of this.#read(owned, max - picked.length)) {
        picked.push({ from: owned, record })
        owned.position = record.offset + 1
      }
    }
    return picked
  }

  /** What of a pick still counts when it arrives: late records of a partition that was given up may or may not come. */
  arrive(picked: readonly Picked[]): readonly RawMessage[] {
    const late = this.#link.chance(this.#cluster.faults.lateRecords)
    const records: RawMessage[] = []
    for (const { from, record } of picked) {
      const now = this.#owned.get(partitionKey(from.at))
      if (now !== from && (now !== undefined || !late)) continue
      records.push(record)
      this.#cluster.history.add({
        type: 'polled',
        client: this.#client,
        record: { topic: record.topic, partition: record.partition, offset: record.offset },
      })
    }
    return records
  }

  #read(owned: Owned, max: number): readonly RawMessage[] {
    if (owned.paused || owned.stopped) return []
    const log = this.#cluster.log(owned.at)
    if (log === undefined) return []
    if (owned.position < log.low || owned.position > log.high) {
      owned.stopped = true
      this.#outOfRange(owned.at)
      return []
    }
    const until = owned.bufferedUntil ?? Number.POSITIVE_INFINITY
    return log.read(owned.position, max).filter((record) => record.offset < until)
  }

  #resolve(start: StartPosition): number {
    const log = this.#cluster.log(start)
    if (start.offset === 'earliest') return log?.low ?? 0
    if (start.offset === 'latest') return log?.high ?? 0
    return start.offset
  }
}
