import { setTimeout as wait } from 'node:timers/promises'
import type { RdConsumer, RdError, RdMessage } from '../../src/flow/source/kafka/confluent/client-types.ts'
import { confluentDriver } from '../../src/flow/source/kafka/confluent/index.ts'
import { loadClient } from '../../src/flow/source/kafka/confluent/load.ts'
import { kafkaAdmin } from '../../test/services/kafka-admin.ts'

const TIMEOUT_MS = 15_000
const AT_ONCE = 10_000

/** A result as the broker stored it. */
export interface Result {
  readonly id: string
  /** Broker's stamp, milliseconds since the epoch. */
  readonly at: number
}

type Done<T> = (error: RdError | Error | null | undefined, answer: T) => void
const call = <T>(run: (done: Done<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => run((error, answer) => (error ? reject(error) : resolve(answer))))

/** Topics of a benchmark: made, filled, looked at and read back without joining a group. */
export class Topics {
  readonly #brokers: string
  readonly #client: RdConsumer
  readonly #partitions = new Map<string, number>()

  private constructor(brokers: string, client: RdConsumer) {
    this.#brokers = brokers
    this.#client = client
  }

  static async open(brokers: string): Promise<Topics> {
    const { KafkaConsumer } = loadClient()
    const client = new KafkaConsumer(
      { 'bootstrap.servers': brokers, 'group.id': `bench-${process.pid}`, 'enable.auto.commit': false },
      { 'auto.offset.reset': 'earliest' },
    )
    client.setDefaultConsumeTimeout(200)
    // Calls that fail say so themselves; without a listener an event would end the process.
    client.on('event.error', () => undefined)
    await call<void>((done) => client.connect({ timeout: TIMEOUT_MS, allTopics: false }, (error) => done(error)))
    return new Topics(brokers, client)
  }

  /** Records are stamped by the broker when they are appended. */
  async create(topic: string, partitions: number): Promise<void> {
    if (this.#partitions.has(topic)) return
    const admin = kafkaAdmin(this.#brokers)
    try {
      await admin.createTopic(topic, partitions, { 'message.timestamp.type': 'LogAppendTime' })
    } finally {
      admin.close()
    }
    this.#partitions.set(topic, partitions)
  }

  /** Makes a topic with exactly so many jobs, dealt to its partitions in turn. */
  async fill(topic: string, partitions: number, jobs: number): Promise<void> {
    if (this.#partitions.has(topic)) return
    await this.create(topic, partitions)
    await this.create(`${topic}_dlq`, 1)
    const write = await this.writer()
    for (let first = 0; first < jobs; first += AT_ONCE) {
      const count = Math.min(AT_ONCE, jobs - first)
      await Promise.all(
        Array.from({ length: count }, (_, at) => write.job(topic, first + at, (first + at) % partitions)),
      )
    }
    await write.close()
  }

  async writer(): Promise<{
    job(topic: string, n: number, partition: number): Promise<unknown>
    close(): Promise<void>
  }> {
    const client = { 'bootstrap.servers': this.#brokers }
    const producer = confluentDriver().producer(client, { lingerMs: 0, compression: 'none' })
    await producer.connect()
    return {
      job: (topic, n, partition) =>
        producer.send({
          topic,
          partition,
          key: null,
          value: Buffer.from(JSON.stringify({ id: idOf(n), n })),
          headers: [],
        }),
      close: () => producer.close(),
    }
  }

  /** The offset behind the last record of each partition. */
  ends(topic: string): Promise<number[]> {
    return this.#each(topic, (partition) => this.#end(topic, partition))
  }

  /** A topic that was just made has no leader for a moment. */
  async #end(topic: string, partition: number): Promise<number> {
    for (const deadline = performance.now() + TIMEOUT_MS; ; await wait(50)) {
      try {
        const marks = await call<{ highOffset: number }>((done) =>
          this.#client.queryWatermarkOffsets(topic, partition, TIMEOUT_MS, done),
        )
        return marks.highOffset
      } catch (error) {
        if (performance.now() > deadline) throw error
      }
    }
  }

  /** All results from these offsets to the end. */
  async read(topic: string, from: readonly number[]): Promise<Result[]> {
    const ends = await this.ends(topic)
    const next = [...from]
    const results: Result[] = []
    this.#client.assign(next.map((offset, partition) => ({ topic, partition, offset })))
    const deadline = performance.now() + 60_000
    while (ends.some((end, partition) => (next[partition] ?? 0) < end)) {
      if (performance.now() > deadline) throw new Error(`reading ${topic} stands still`)
      for (const message of await call<readonly RdMessage[]>((done) => this.#client.consume(5000, done))) {
        next[message.partition] = message.offset + 1
        results.push({ id: idIn(message.value), at: message.timestamp })
      }
    }
    this.#client.unassign()
    return results
  }

  /** Sum of what a group has committed. */
  async committed(topic: string, group: string): Promise<number> {
    const { KafkaConsumer } = loadClient()
    const client = new KafkaConsumer({ 'bootstrap.servers': this.#brokers, 'group.id': group }, {})
    client.on('event.error', () => undefined)
    await call<void>((done) => client.connect({ timeout: TIMEOUT_MS, allTopics: false }, (error) => done(error)))
    try {
      const asked = await this.#each(topic, (partition) => Promise.resolve({ topic, partition }))
      const answers = await call<readonly ({ offset?: number } | Error)[]>((done) =>
        client.committed(asked, TIMEOUT_MS, done),
      )
      return answers.reduce((sum, answer) => sum + ('offset' in answer ? Math.max(0, answer.offset ?? 0) : 0), 0)
    } finally {
      await new Promise<void>((resolve) => client.disconnect(() => resolve()))
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#client.disconnect(() => resolve()))
  }

  #each<T>(topic: string, ask: (partition: number) => Promise<T>): Promise<T[]> {
    const partitions = this.#partitions.get(topic)
    if (partitions === undefined) throw new Error(`${topic} was not made here`)
    return Promise.all(Array.from({ length: partitions }, (_, partition) => ask(partition)))
  }
}

export function idOf(n: number): string {
  return `m${String(n).padStart(8, '0')}`
}

function idIn(value: Buffer | null): string {
  const text = value?.toString('utf8') ?? ''
  const { id } = JSON.parse(text) as { id?: unknown }
  return typeof id === 'string' ? id : text
}
