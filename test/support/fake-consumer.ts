import {
  type CommitAnswer,
  type CommitRequest,
  type CommittedPosition,
  type ConsumerEvents,
  DriverError,
  type KafkaConsumer,
  type RebalanceListener,
  type StartPosition,
  type Watermarks,
} from '../../src/flow/source/kafka/driver.ts'
import { type Deferred, deferred } from '../../src/lib/index.ts'
import { partitionKey, type RawMessage, type TopicPartition } from '../../src/model/index.ts'
import type { VirtualClock } from '../../src/testing/index.ts'

export const p0: TopicPartition = { topic: 'jobs', partition: 0 }
export const p1: TopicPartition = { topic: 'jobs', partition: 1 }
export const delivered = { kind: 'delivered' } as const

export function record(offset: number, at: TopicPartition = p0, size = 10): RawMessage {
  return { ...at, offset, key: null, value: Buffer.alloc(size), timestamp: null, headers: [] }
}

export function records(from: number, to: number, at: TopicPartition = p0): RawMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => record(from + index, at))
}

export function refusal(code: string, errno: number, more: { retriable?: boolean; fatal?: boolean } = {}): DriverError {
  return new DriverError(code, { code, errno, ...more })
}

/** A client whose group, logs and answers the test writes. */
export class FakeConsumer implements KafkaConsumer {
  readonly clock: VirtualClock
  listener!: RebalanceListener
  events!: ConsumerEvents
  readonly commits: CommitRequest[][] = []
  readonly calls: string[] = []
  readonly polls: number[] = []
  readonly stored = new Map<string, CommittedPosition>()
  readonly marks = new Map<string, Watermarks>()
  topics = new Map<string, number>([['jobs', 2]])
  /** What the broker says; default: taken. */
  answer: (requests: readonly CommitRequest[]) => Promise<readonly CommitAnswer[]> = (requests) =>
    Promise.resolve(this.taken(requests))
  queryFails = false
  onPoll: () => void = () => undefined
  #queue: RawMessage[] = []
  #polling: { done: Deferred<readonly RawMessage[]>; max: number } | null = null
  committing = 0

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  taken(requests: readonly CommitRequest[]): CommitAnswer[] {
    for (const request of requests) this.stored.set(partitionKey(request), { ...request })
    return requests.map(({ topic, partition, offset }) => ({ topic, partition, offset, error: null }))
  }

  refused(requests: readonly CommitRequest[], error: DriverError): CommitAnswer[] {
    return requests.map(({ topic, partition, offset }) => ({ topic, partition, offset, error }))
  }

  /** The records come with the poll that is under way, or the next. */
  feed(some: readonly RawMessage[]): void {
    this.#queue.push(...some)
    if (this.#polling) this.#polling.done.resolve(this.#queue.splice(0, this.#polling.max))
    this.#polling = null
  }

  connect(listener: RebalanceListener, events: ConsumerEvents): Promise<void> {
    this.listener = listener
    this.events = events
    return Promise.resolve()
  }

  async poll(max: number, waitMs: number): Promise<readonly RawMessage[]> {
    this.polls.push(max)
    this.onPoll()
    if (this.#queue.length > 0) return this.#queue.splice(0, max)
    const done = deferred<readonly RawMessage[]>()
    this.#polling = { done, max }
    const timer = this.clock.timer(waitMs, () => {
      this.#polling = null
      done.resolve([])
    })
    const got = await done.promise
    timer.cancel()
    return got
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.calls.push(`pause ${partitionKey(at)}`)
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.calls.push(`resume ${partitionKey(at)}`)
  }

  seek(at: StartPosition): Promise<void> {
    this.calls.push(`seek ${partitionKey(at)} ${at.offset}`)
    return Promise.resolve()
  }

  async commit(requests: readonly CommitRequest[]): Promise<readonly CommitAnswer[]> {
    if (this.committing > 0) throw new Error('two commits at a time')
    this.committing += 1
    this.commits.push([...requests])
    try {
      return await this.answer(requests)
    } finally {
      this.committing -= 1
    }
  }

  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[]> {
    return Promise.resolve(
      partitions.map((at) => this.stored.get(partitionKey(at)) ?? { ...at, offset: null, metadata: '' }),
    )
  }

  watermarks(at: TopicPartition): Promise<Watermarks> {
    if (this.queryFails) return Promise.reject(refusal('ERR__TRANSPORT', -195, { retriable: true }))
    return Promise.resolve(this.marks.get(partitionKey(at)) ?? { low: 0, high: 1000 })
  }

  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    const asked = topics.length === 0 ? [...this.topics.keys()] : topics
    return Promise.resolve(new Map(asked.map((topic) => [topic, this.topics.get(topic) ?? null])))
  }

  close(): Promise<void> {
    this.calls.push('close')
    return Promise.resolve()
  }
}
