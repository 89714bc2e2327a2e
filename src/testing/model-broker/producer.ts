import type { KafkaProducer, ProducedAt, ProducerRecord } from '../../flow/source/index.ts'
import { sleep } from '../../lib/index.ts'
import type { Cluster } from './cluster.ts'
import { driverError } from './errors.ts'
import type { Link } from './link.ts'
import { partitionOf } from './murmur2.ts'

/** How long the client tries before it gives a record up, milliseconds. */
const DELIVERY_TIMEOUT_MS = 3_000

/** A producer of the model broker. Records of one producer arrive in the order in which they were sent. */
export class ModelProducer implements KafkaProducer {
  readonly #cluster: Cluster
  readonly #link: Link
  readonly #client: string
  readonly #maxMessageBytes: number
  #outstanding = 0
  #lastArrival = 0
  #spread = 0
  #connected = false

  constructor(of: { cluster: Cluster; link: Link; client: string; maxMessageBytes: number }) {
    this.#cluster = of.cluster
    this.#link = of.link
    this.#client = of.client
    this.#maxMessageBytes = of.maxMessageBytes
  }

  async connect(): Promise<void> {
    await this.#link.request(() => undefined)
    this.#connected = true
  }

  async send(record: ProducerRecord): Promise<ProducedAt> {
    if (!this.#connected) throw driverError('ERR__STATE', 'the producer is not connected')
    const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
    if (bytes > Math.min(this.#maxMessageBytes, this.#cluster.maxMessageBytes)) {
      throw driverError('ERR_MSG_SIZE_TOO_LARGE', `a record of ${bytes} bytes is too large for ${record.topic}`)
    }
    const { faults } = this.#cluster
    const failed = this.#link.chance(faults.produceFailed)
    const answerLost = this.#link.chance(faults.produceAnswerLost)
    this.#outstanding += 1
    try {
      if (failed) throw await this.#givenUp(record)
      return await this.#link.request(() => this.#append(record), {
        fate: answerLost ? 'answer-lost' : 'served',
        timeoutMs: DELIVERY_TIMEOUT_MS,
        delayMs: this.#inOrder(),
      })
    } finally {
      this.#outstanding -= 1
    }
  }

  async flush(timeoutMs: number): Promise<void> {
    const end = this.#link.clock.monotonic() + timeoutMs
    while (this.#outstanding > 0 && this.#link.clock.monotonic() < end) await sleep(this.#link.clock, 1)
    if (this.#outstanding > 0) throw driverError('ERR__TIMED_OUT', `${this.#outstanding} records are outstanding`)
  }

  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    return this.#link.request(() => new Map(topics.map((topic) => [topic, this.#cluster.logs(topic)?.length ?? null])))
  }

  close(): Promise<void> {
    this.#connected = false
    return Promise.resolve()
  }

  #inOrder(): number {
    const now = this.#cluster.clock.monotonic()
    this.#lastArrival = Math.max(this.#lastArrival, now + this.#link.latency())
    return this.#lastArrival - now
  }

  async #givenUp(record: ProducerRecord): Promise<Error> {
    await sleep(this.#link.clock, DELIVERY_TIMEOUT_MS)
    return driverError('ERR__MSG_TIMED_OUT', `a record for ${record.topic} was not taken in time`)
  }

  #append(record: ProducerRecord): ProducedAt | Promise<ProducedAt> {
    const logs = this.#cluster.logs(record.topic)
    if (this.#cluster.faults.closedTopics.has(record.topic)) {
      return this.#givenUp(record).then((error) => Promise.reject(error))
    }
    const partition = record.partition ?? this.#partition(record, logs?.length ?? 1)
    const log = logs?.[partition]
    if (log === undefined) throw driverError('ERR_UNKNOWN_TOPIC_OR_PART', `no partition ${record.topic}:${partition}`)
    const { offset } = log.append({
      topic: record.topic,
      partition,
      key: record.key,
      value: record.value,
      headers: record.headers,
      timestamp: record.timestamp ?? this.#cluster.clock.now(),
    })
    const at = { topic: record.topic, partition, offset }
    this.#cluster.history.add({ type: 'produced', client: this.#client, record: at })
    this.#cluster.wake()
    return at
  }

  #partition(record: ProducerRecord, partitions: number): number {
    if (record.key !== null) return partitionOf(record.key, partitions)
    this.#spread += 1
    return this.#spread % partitions
  }
}
