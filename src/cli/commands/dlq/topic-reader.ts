import type { ClientProperties, KafkaConsumer, KafkaDriver, LogEnd } from '../../../flow/source/index.ts'
import { type Clock, sleep } from '../../../lib/index.ts'
import { DrakkarError, partitionKey, type RawMessage, reasonOf, type TopicPartition } from '../../../model/index.ts'
import type { StoredLetter } from './letter.ts'

export interface TopicReaderOptions {
  readonly driver: KafkaDriver
  readonly client: ClientProperties
  readonly topic: string
  readonly group: string
  /** Where to begin: at the first record there is, where the group left off, or at one record alone. */
  readonly from: 'begin' | 'group' | { readonly partition: number; readonly offset: number }
  readonly clock: Clock
}

const POLL_MS = 200
/** Nothing came for so long: what the end's number promised is no record (compacted away), and the client does not say so. */
const IDLE_MS = 15_000
/** Words of the client in a row that a partition has no more records: the first may be of before it was given anew. */
const SURE = 2
/** Records that are read ahead in full batches while a commit is awaited; beyond it they come one by one. */
const MOST_AHEAD = 2_000
/** Tries to commit, and the pause between them. */
const COMMITS = 5
const COMMIT_PAUSE_MS = 500
/** Another member of the group may hold everything. */
const JOIN_MS = 60_000

/** Reads a topic up to the end that it had when the reading began, so that what is written meanwhile is for the next time. */
export class TopicReader {
  readonly #options: TopicReaderOptions
  readonly #consumer: KafkaConsumer
  /** First offset that is not read, by partition. */
  readonly #ends = new Map<string, number>()
  readonly #positions = new Map<string, number>()
  /** How often in a row the client said that all records of a partition were handed on. */
  readonly #exhausted = new Map<string, number>()
  #assigned = false
  /** Partitions whose commits the group did not take; it has to give them anew. */
  readonly #left = new Set<string>()
  #work: Promise<unknown> = Promise.resolve()
  #failure: Error | null = null
  /** Read while the answer to a commit was awaited, as only polling brings it. */
  #ahead: RawMessage[] = []

  constructor(options: TopicReaderOptions) {
    this.#options = options
    this.#consumer = options.driver.consumer(options.client, {
      groupId: options.group,
      topics: [options.topic],
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 1_000,
      maxPollIntervalMs: 300_000,
    })
  }

  /** Rejects with TOPIC_MISSING, or BROKER_UNREACHABLE. */
  async open(): Promise<void> {
    const { topic } = this.#options
    await this.#consumer.connect(
      {
        assigned: (partitions) => this.#takeOver(partitions),
        // What was read and is being worked on is committed before another member reads on from there.
        revoked: async (partitions, { lost }) => {
          // What is lost cannot be committed any more: nothing to wait for.
          if (!lost) await this.#work.catch(() => undefined)
          for (const at of partitions) this.#positions.delete(partitionKey(at))
          // After an outage the group gives them back in a moment; that there are none is no end.
          this.#assigned = this.#positions.size > 0
          this.#forgetAhead()
        },
      },
      {
        error: (error) => {
          if (error.fatal) this.#failure = error
        },
        outOfRange: (at) => {
          this.#positions.set(partitionKey(at), Number.POSITIVE_INFINITY)
        },
        seen: ({ ends }) => this.#noteEnds(ends),
      },
    )
    if ((await this.#consumer.describe([topic])).get(topic) != null) return
    throw new DrakkarError('TOPIC_MISSING', `topic ${topic} does not exist, or ACLs hide it from this user`, {
      advice: 'Name the dead-letter topic with -t, or the folder of the letters with --folder.',
    })
  }

  /** The next letters, at most `max`; null at the end. */
  async next(max: number, signal: AbortSignal): Promise<readonly RawMessage[] | null> {
    const { clock, group, topic } = this.#options
    const begin = clock.monotonic()
    while (!signal.aborted) {
      if (this.#failure !== null) throw away(topic, this.#failure)
      if (this.#ahead.length > 0) return this.#ahead.splice(0, max)
      if (this.#assigned && this.#atEnd()) return null
      await this.#poll(max, POLL_MS)
      if (this.#ahead.length > 0) continue
      const waited = clock.monotonic() - begin
      if (!this.#assigned && waited > JOIN_MS)
        throw new DrakkarError('BROKER_UNREACHABLE', `group ${group} was given no partition of ${topic} in a minute`, {
          advice: 'Does the same command run somewhere else? Wait for it, or choose another --group.',
        })
      if (this.#assigned && waited > IDLE_MS) {
        await this.#requireBroker()
        return null
      }
    }
    return null
  }

  /** Runs what is to be done with a batch; partitions leave only after it. */
  async working<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = work()
    this.#work = done
    return done
  }

  /**
   * Remembers how far the group is. Where it does not take that, for example in the middle of a rebalance, the partition
   * is left until it is given anew: to go on would send a second batch twice.
   */
  async commit(done: ReadonlyMap<number, number>): Promise<void> {
    const { topic, clock } = this.#options
    let open = [...done].map(([partition, offset]) => ({ topic, partition, offset, metadata: '' }))
    for (let attempt = 1; open.length > 0 && attempt <= COMMITS; attempt += 1) {
      if (attempt > 1) await this.#answered(sleep(clock, COMMIT_PAUSE_MS))
      const answers = await this.#answered(this.#consumer.commit(open).catch(() => null))
      if (answers === null) continue
      const failed = new Set(answers.filter(({ error }) => error !== null).map(({ partition }) => partition))
      open = open.filter((at) => failed.has(at.partition) && this.#positions.has(partitionKey(at)))
    }
    for (const at of open) {
      this.#positions.delete(partitionKey(at))
      this.#left.add(partitionKey(at))
    }
    this.#forgetAhead()
  }

  close(): Promise<void> {
    return this.#consumer.close()
  }

  async #takeOver(
    partitions: readonly TopicPartition[],
  ): ReturnType<Parameters<KafkaConsumer['connect']>[0]['assigned']> {
    const { from } = this.#options
    const committed =
      from === 'group'
        ? new Map((await this.#consumer.committed(partitions)).map((at) => [partitionKey(at), at.offset]))
        : new Map<string, number | null>()
    const starts = await Promise.all(
      partitions.map(async (at) => {
        const key = partitionKey(at)
        const { low, high } = await this.#consumer.watermarks(at)
        if (typeof from === 'object') {
          const offset = at.partition === from.partition && from.offset >= low ? Math.min(from.offset, high) : high
          this.#ends.set(key, Math.min(high, offset + (at.partition === from.partition ? 1 : 0)))
          this.#positions.set(key, offset)
          return { ...at, offset }
        }
        const offset = Math.min(high, Math.max(low, committed.get(key) ?? low))
        if (!this.#ends.has(key)) this.#ends.set(key, high)
        this.#positions.set(key, offset)
        return { ...at, offset }
      }),
    )
    for (const at of partitions) {
      this.#left.delete(partitionKey(at))
      this.#exhausted.delete(partitionKey(at))
    }
    this.#assigned = true
    return starts
  }

  /** Polls until the promise settles. Little comes in that time, and of a broker that is slow to answer not much more. */
  async #answered<Value>(promise: Promise<Value>): Promise<Value> {
    let settled = false
    const end = (): void => {
      settled = true
    }
    promise.then(end, end)
    await Promise.resolve()
    while (!settled) await this.#poll(MOST_AHEAD > this.#ahead.length ? 100 : 1, 20)
    return promise
  }

  async #poll(max: number, waitMs: number): Promise<void> {
    const records = await this.#consumer.poll(max, waitMs)
    for (const record of records) if (this.#isWanted(record)) this.#ahead.push(record)
  }

  /** A broker that is away looks like a topic in which nothing more is. */
  async #requireBroker(): Promise<void> {
    const { topic } = this.#options
    if (this.#left.size > 0) throw away(topic, new Error('the group does not take commits'))
    await this.#consumer.watermarks({ topic, partition: 0 }).catch((error: unknown) => {
      throw away(topic, error)
    })
  }

  #forgetAhead(): void {
    this.#ahead = this.#ahead.filter((record) => this.#positions.has(partitionKey(record)))
  }

  /** What lies behind the last record are marks of transactions: no position would ever reach the end. */
  #noteEnds(ends: readonly LogEnd[]): void {
    for (const { topic, partition, end, handedOn } of ends) {
      const key = partitionKey({ topic, partition })
      const all = handedOn === true && end >= (this.#ends.get(key) ?? Number.POSITIVE_INFINITY)
      this.#exhausted.set(key, all ? (this.#exhausted.get(key) ?? 0) + 1 : 0)
    }
  }

  #atEnd(): boolean {
    return this.#left.size === 0 && [...this.#positions].every(([key, position]) => this.#isRead(key, position))
  }

  #isRead(key: string, position: number): boolean {
    return position >= (this.#ends.get(key) ?? 0) || (this.#exhausted.get(key) ?? 0) >= SURE
  }

  #isWanted(record: RawMessage): boolean {
    const key = partitionKey(record)
    const end = this.#ends.get(key) ?? 0
    if (!this.#positions.has(key)) return false
    this.#positions.set(key, record.offset + 1)
    return record.offset < end
  }
}

function away(topic: string, cause: unknown): DrakkarError {
  return new DrakkarError('BROKER_UNREACHABLE', `${topic} could not be read to its end: ${reasonOf(cause)}`, {
    cause,
    advice: 'Try again when the brokers answer; a redrive goes on where it ended.',
  })
}

export function storedRecord({ topic, partition, offset, key, value, headers, timestamp }: RawMessage): StoredLetter {
  return { place: { kind: 'topic', topic, partition, offset }, key, value, headers, timestamp }
}
