import type {
  ClientProperties,
  CommittedPosition,
  ConsumerOptions,
  DriverError,
  KafkaConsumer,
  KafkaDriver,
  StartPosition,
} from '../../src/flow/source/kafka/driver.ts'
import { partitionKey, type RawMessage, type TopicPartition } from '../../src/model/index.ts'

export interface MemberOptions {
  readonly driver: KafkaDriver
  readonly client: ClientProperties
  readonly group: ConsumerOptions
  /** Where to start, by what the group holds. Default: there, else the earliest record. */
  readonly start?: (at: CommittedPosition) => StartPosition['offset']
  /** Runs inside `assigned`, before the positions are given. */
  readonly beforeStart?: (member: Member, partitions: readonly TopicPartition[]) => Promise<void>
  /** Runs inside `revoked`: the group waits for it. */
  readonly drain?: (member: Member, partitions: readonly TopicPartition[]) => Promise<void>
}

export type MemberEvent =
  | { readonly type: 'assigned'; readonly partitions: readonly string[] }
  | { readonly type: 'revoked'; readonly partitions: readonly string[]; readonly lost: boolean }

const PATIENCE_MS = 45_000
const WAIT_MS = 50

/** A member of a group that polls for ever and keeps all it sees, for tests. */
export class Member {
  readonly consumer: KafkaConsumer
  readonly records: RawMessage[] = []
  readonly events: MemberEvent[] = []
  readonly errors: DriverError[] = []
  readonly outOfRange: TopicPartition[] = []
  /** The group's own words of what was assigned. */
  readonly committed: CommittedPosition[] = []
  readonly owned = new Set<string>()
  /** Polls that have returned. */
  polls = 0
  readonly #options: MemberOptions
  readonly #watchers = new Set<() => void>()
  #polling = false
  #loop: Promise<void> = Promise.resolve()

  private constructor(options: MemberOptions) {
    this.#options = options
    this.consumer = options.driver.consumer(options.client, options.group)
  }

  static async join(options: MemberOptions): Promise<Member> {
    const member = new Member(options)
    await member.#connect()
    member.startPolling()
    return member
  }

  /** Resolves when `met` holds, looked at after every poll and event; rejects with `what` when that takes too long. */
  until(what: string, met: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = (): void => {
      if (!met()) return
      clearTimeout(timer)
      this.#watchers.delete(look)
      resolve()
    }
    const timer = setTimeout(() => {
      this.#watchers.delete(look)
      reject(new Error(`waited ${PATIENCE_MS} ms for: ${what}; ${this.#story()}`))
    }, PATIENCE_MS)
    this.#watchers.add(look)
    look()
    return promise
  }

  startPolling(): void {
    this.#polling = true
    this.#loop = this.#poll()
  }

  async stopPolling(): Promise<void> {
    this.#polling = false
    await this.#loop
  }

  async leave(): Promise<void> {
    await this.stopPolling()
    await this.consumer.close()
  }

  offsetsOf(partition: number): readonly number[] {
    return this.records.filter((record) => record.partition === partition).map((record) => record.offset)
  }

  async #poll(): Promise<void> {
    while (this.#polling) {
      this.records.push(...(await this.consumer.poll(250, WAIT_MS)))
      this.polls += 1
      this.#look()
    }
  }

  #look(): void {
    for (const watcher of this.#watchers) watcher()
  }

  async #connect(): Promise<void> {
    const { start = (at) => at.offset ?? 'earliest', beforeStart, drain } = this.#options
    await this.consumer.connect(
      {
        assigned: async (partitions) => {
          await beforeStart?.(this, partitions)
          const committed = await this.consumer.committed(partitions)
          this.committed.push(...committed)
          this.events.push({ type: 'assigned', partitions: partitions.map(partitionKey) })
          for (const at of partitions) this.owned.add(partitionKey(at))
          this.#look()
          return committed.map((at) => ({ topic: at.topic, partition: at.partition, offset: start(at) }))
        },
        revoked: async (partitions, { lost }) => {
          this.events.push({ type: 'revoked', partitions: partitions.map(partitionKey), lost })
          this.#look()
          await drain?.(this, partitions)
          for (const at of partitions) this.owned.delete(partitionKey(at))
          this.#look()
        },
      },
      {
        error: (error) => {
          this.errors.push(error)
          this.#look()
        },
        outOfRange: (at) => {
          this.outOfRange.push(at)
          this.#look()
        },
      },
    )
  }

  #story(): string {
    return JSON.stringify({
      events: this.events,
      errors: this.errors.map((error) => error.message),
      outOfRange: this.outOfRange,
      records: this.records.length,
      polls: this.polls,
    })
  }
}
