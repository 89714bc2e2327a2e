import { decodeMetadata, encodeMetadata, type FinishedMap } from '../../src/flow/ledger/index.ts'
import { type ConsumerOptions, type KafkaDriver, type StartPosition } from '../../src/flow/source/kafka/driver.ts'
import type { KafkaSourceOptions } from '../../src/flow/source/kafka/options.ts'
import { KafkaSource } from '../../src/flow/source/kafka/source.ts'
import type { SourceListener } from '../../src/flow/source/source.ts'
import { seededRandom } from '../../src/lib/index.ts'
import {
  type Assignment,
  type EventOf,
  type Hold,
  partitionKey,
  type RawMessage,
  type TopicPartition,
  type WorkerEvent,
} from '../../src/model/index.ts'
import { virtualClock } from '../../src/testing/index.ts'
import { delivered, FakeConsumer, p0, records } from './fake-consumer.ts'

/** A source, what it says, and what it is told. */
export class World {
  readonly clock = virtualClock()
  readonly kafka = new FakeConsumer(this.clock)
  readonly announced: WorkerEvent[] = []
  readonly assigned: Assignment[] = []
  readonly messages: { assignment: Assignment; offset: number }[] = []
  readonly revocations: { assignments: readonly Assignment[]; lost: boolean; deadline: number }[] = []
  readonly failures: Error[] = []
  readonly holds: { hold: Hold; lifted: boolean }[] = []
  subscribed: readonly string[] = []
  /** What the pipelines do when partitions are given up. */
  drain: () => Promise<boolean> = () => Promise.resolve(true)
  /** What the pipelines do first with records. */
  whenTaken: () => void = () => undefined
  /** The pipelines end a message as soon as they get it. */
  immediate = false
  readonly source: KafkaSource

  constructor(options: Partial<KafkaSourceOptions> & { topics?: readonly string[] } = {}) {
    const consumer: ConsumerOptions = {
      groupId: 'workers',
      topics: options.topics ?? ['jobs'],
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 3000,
      maxPollIntervalMs: 300_000,
    }
    const { kafka } = this
    const driver: KafkaDriver = {
      consumer: (_, { topics }) => {
        this.subscribed = topics
        return kafka
      },
      producer: () => ({
        connect: () => Promise.resolve(),
        send: () => Promise.reject(new Error('not asked for')),
        flush: () => Promise.resolve(),
        describe: (topics) => kafka.describe(topics),
        close: () => Promise.resolve(),
      }),
    }
    this.source = new KafkaSource({
      driver,
      client: {},
      consumer,
      clock: this.clock,
      random: seededRandom(1),
      announce: (event) => this.announced.push(event),
      holds: {
        place: (_, hold) => {
          const placed = { hold, lifted: false }
          this.holds.push(placed)
          return () => {
            placed.lifted = true
          }
        },
      },
      ...options,
    })
  }

  readonly listener: SourceListener = {
    assigned: (assignments) => void this.assigned.push(...assignments),
    messages: (assignment, messages) => {
      this.whenTaken()
      for (const { offset } of messages) {
        this.messages.push({ assignment, offset })
        if (this.immediate) this.source.ended(assignment, offset, delivered)
      }
    },
    revoked: (assignments, how) => {
      this.revocations.push({ assignments, ...how })
      return this.drain()
    },
    failed: (error) => void this.failures.push(error),
  }

  get offsets(): number[] {
    return this.messages.map(({ offset }) => offset)
  }

  of<Type extends WorkerEvent['type']>(type: Type): EventOf<Type>[] {
    return this.announced.filter((event): event is EventOf<Type> => event.type === type)
  }

  /** The last assignment of the partition. */
  assignment(at: TopicPartition = p0): Assignment {
    const found = this.assigned.findLast((one) => partitionKey(one) === partitionKey(at))
    if (found === undefined) throw new Error(`${partitionKey(at)} was never assigned`)
    return found
  }

  stored(offset: number, map: FinishedMap | null = null, owner = 7, at: TopicPartition = p0): void {
    const { metadata } = encodeMetadata(at, owner, { offset, map })
    this.kafka.stored.set(partitionKey(at), { ...at, offset, metadata })
  }

  async start(...partitions: TopicPartition[]): Promise<readonly StartPosition[]> {
    await this.clock.runUntil(this.source.start(this.listener))
    const starts = partitions.length > 0 ? await this.clock.runUntil(this.kafka.listener.assigned(partitions)) : []
    await this.clock.run(0)
    return starts
  }

  async feed(...some: RawMessage[]): Promise<void> {
    this.kafka.feed(some)
    await this.clock.run(0)
  }

  async fetched(from: number, to: number, at: TopicPartition = p0): Promise<void> {
    await this.feed(...records(from, to, at))
  }

  end(from: number, to: number = from, at: TopicPartition = p0): void {
    for (let offset = from; offset <= to; offset += 1) this.source.ended(this.assignment(at), offset, delivered)
  }

  /** The last commit of the partition, with its map. */
  lastCommit(at: TopicPartition = p0): { offset: number; owner: number; map: FinishedMap | null } {
    const request = this.kafka.commits.flat().findLast((one) => partitionKey(one) === partitionKey(at))
    if (request === undefined) throw new Error('nothing was committed')
    const decoded = decodeMetadata(at, request.offset, request.metadata)
    if (!decoded.ok) throw new Error(decoded.reason)
    return { offset: request.offset, ...decoded.value }
  }
}
