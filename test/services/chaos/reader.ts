import { type Message as ClientMessage, KafkaConsumer, type Metadata } from '@confluentinc/kafka-javascript'

/** A record as the broker holds it. */
export interface Stored {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Buffer | null])[]
}

const TIMEOUT_MS = 15_000
const NEVER_COMMITTED = -1001

interface FirstMessageTimeout {
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void
}

type Done<T> = (error: unknown, answer: T) => void
const call = <T>(run: (done: Done<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => run((error, answer) => (error ? reject(error) : resolve(answer))))

/** A broker that has just started is no coordinator yet, and leads nothing: asks again until the time is up. */
async function insistent<T>(run: (done: Done<T>) => void): Promise<T> {
  const deadline = performance.now() + TIMEOUT_MS
  for (;;) {
    try {
      return await call(run)
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

/**
 * Reads topics from their beginning, beside the group and without joining it: the plain client, nothing of the worker.
 * `read` answers what is new since the last time, up to the end of each topic at the moment of the call.
 */
export class TopicReader {
  readonly #client: KafkaConsumer
  readonly #next = new Map<string, { topic: string; partition: number; offset: number }>()

  private constructor(client: KafkaConsumer) {
    this.#client = client
  }

  /** `topics`: how many partitions each has; null where the broker is to say it. */
  static async open(brokers: string, topics: Readonly<Record<string, number | null>>): Promise<TopicReader> {
    const client = await connected(brokers, `reader-${process.pid}`)
    const reader = new TopicReader(client)
    for (const [topic, known] of Object.entries(topics)) {
      const partitions = known ?? (await reader.#partitions(topic))
      for (let partition = 0; partition < partitions; partition++) {
        const { low } = await reader.#watermarks(topic, partition)
        reader.#next.set(`${topic}:${partition}`, { topic, partition, offset: low })
      }
    }
    client.assign([...reader.#next.values()])
    return reader
  }

  async read(): Promise<readonly Stored[]> {
    const ends = await this.ends()
    const read: Stored[] = []
    const behind = (): boolean => [...ends].some(([key, end]) => (this.#next.get(key)?.offset ?? 0) < end)
    const deadline = performance.now() + 60_000
    while (behind()) {
      if (performance.now() > deadline) throw new Error('the reader stands still for a minute')
      const messages = await insistent<ClientMessage[]>((done) => this.#client.consume(5000, done))
      for (const message of messages) {
        const at = this.#next.get(`${message.topic}:${message.partition}`)
        if (at === undefined || message.offset < at.offset) continue
        at.offset = message.offset + 1
        read.push(toStored(message))
      }
    }
    return read
  }

  /** The offset behind the last record of each partition, by `topic:partition`. */
  async ends(): Promise<ReadonlyMap<string, number>> {
    const entries = [...this.#next].map(async ([key, { topic, partition }]): Promise<[string, number]> => {
      const { high } = await this.#watermarks(topic, partition)
      return [key, high]
    })
    return new Map(await Promise.all(entries))
  }

  async close(): Promise<void> {
    await disconnected(this.#client)
  }

  async #partitions(topic: string): Promise<number> {
    const { topics } = await insistent<Metadata>((done) =>
      this.#client.getMetadata({ topic, timeout: TIMEOUT_MS }, done),
    )
    return topics.find(({ name }) => name === topic)?.partitions.length ?? 0
  }

  async #watermarks(topic: string, partition: number): Promise<{ low: number; high: number }> {
    const { lowOffset, highOffset } = await insistent<{ lowOffset: number; highOffset: number }>((done) =>
      this.#client.queryWatermarkOffsets(topic, partition, TIMEOUT_MS, done),
    )
    return { low: lowOffset, high: highOffset }
  }
}

/** Asks the coordinator what a group has committed, without being a member of it. */
export class GroupOffsets {
  readonly #client: KafkaConsumer

  private constructor(client: KafkaConsumer) {
    this.#client = client
  }

  static async open(brokers: string, group: string): Promise<GroupOffsets> {
    return new GroupOffsets(await connected(brokers, group))
  }

  /** By partition; null where nothing was committed. */
  async committed(topic: string, partitions: number): Promise<readonly (number | null)[]> {
    const asked = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    const answer = await insistent<readonly { partition: number; offset?: number }[]>((done) =>
      this.#client.committed(asked, TIMEOUT_MS, done),
    )
    const offsets: (number | null)[] = asked.map(() => null)
    for (const { partition, offset } of answer)
      offsets[partition] = offset === undefined || offset === NEVER_COMMITTED ? null : offset
    return offsets
  }

  async close(): Promise<void> {
    await disconnected(this.#client)
  }
}

async function connected(brokers: string, group: string): Promise<KafkaConsumer> {
  const client = new KafkaConsumer(
    {
      'bootstrap.servers': brokers,
      'group.id': group,
      'enable.auto.commit': false,
      'fetch.wait.max.ms': 50,
      'fetch.message.max.bytes': 20_000_000,
      'topic.metadata.refresh.interval.ms': 2_000,
      'reconnect.backoff.max.ms': 500,
    },
    { 'auto.offset.reset': 'error' },
  )
  client.setDefaultConsumeTimeout(100)
  // Answers what is there instead of waiting for more. The client's types do not know it.
  ;(client as KafkaConsumer & FirstMessageTimeout).setDefaultIsTimeoutOnlyForFirstMessage(true)
  // Without a listener an error of the client would end the test process; calls that fail say so themselves.
  client.on('event.error', () => undefined)
  await call((done) => client.connect({ timeout: TIMEOUT_MS }, done))
  return client
}

function disconnected(client: KafkaConsumer): Promise<void> {
  return new Promise((resolve) => client.disconnect(() => resolve()))
}

function toStored({ topic, partition, offset, timestamp, key, value, headers }: ClientMessage): Stored {
  return {
    topic,
    partition,
    offset,
    timestamp: timestamp ?? 0,
    key: key == null ? null : Buffer.from(key),
    value: value == null ? null : Buffer.from(value),
    headers: (headers ?? []).flatMap((header) =>
      Object.entries(header).map(
        ([name, bytes]) => [name, bytes == null ? null : Buffer.from(bytes as Buffer)] as const,
      ),
    ),
  }
}
