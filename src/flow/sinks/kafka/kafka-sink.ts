import { DrakkarError, type Header, reasonOf } from '../../../model/index.ts'
import { type OutgoingRecord, type RecordProducer, sendAll } from '../record-producer.ts'
import type { RecordVerdict, Sink, SinkRecord } from '../sink.ts'
import { type KafkaRecord, kafkaRecord, recordBytes } from './kafka-record.ts'
import { producerErrorKind } from './producer-error.ts'

export interface KafkaSinkOptions {
  /** Name of the instance: the key under `sinks.kafka`. */
  readonly name: string
  readonly topic: string
  /** Of this sink alone: it is connected and closed with it. */
  readonly producer: RecordProducer
  /** Adds the header `drakkar-id` with the record's id, by which consumers can drop duplicates. Default true. */
  readonly idHeader?: boolean
}

/** A sink that writes to one Kafka topic. A record is placed when all in-sync replicas have it. */
export function createKafkaSink(options: KafkaSinkOptions): Sink<KafkaRecord> {
  return new KafkaSink(options)
}

const PLACED: RecordVerdict = { ok: true }

class KafkaSink implements Sink<KafkaRecord> {
  readonly kind = 'kafka'
  readonly name: string
  readonly #topic: string
  readonly #producer: RecordProducer
  readonly #idHeader: boolean
  #open = false

  constructor(options: KafkaSinkOptions) {
    this.name = options.name
    this.#topic = options.topic
    this.#producer = options.producer
    this.#idHeader = options.idHeader ?? true
  }

  accept(payload: unknown): KafkaRecord {
    return kafkaRecord(payload)
  }

  size(payload: KafkaRecord): number {
    return recordBytes(payload)
  }

  async connect(): Promise<void> {
    await this.#producer.connect()
    this.#open = true
    try {
      const topics = await this.#producer.describe([this.#topic])
      if (typeof topics.get(this.#topic) !== 'number') throw topicMissing(this.name, this.#topic)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async deliver(batch: readonly SinkRecord<KafkaRecord>[]): Promise<readonly RecordVerdict[]> {
    const answers = await sendAll(
      this.#producer,
      batch.map((record) => this.#outgoing(record)),
    )
    return answers.map((error, index) => (error === null ? PLACED : this.#failed(error, batch[index]?.payload)))
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#producer.close()
  }

  #failed(error: Error, payload: KafkaRecord | undefined): RecordVerdict {
    const kind = producerErrorKind(error, payload?.partition !== undefined)
    return { ok: false, kind, error: new Error(`topic ${this.#topic}: ${reasonOf(error)}`, { cause: error }) }
  }

  #outgoing({ id, payload }: SinkRecord<KafkaRecord>): OutgoingRecord {
    const { key, value, headers, partition, timestamp } = payload
    const header: Header = ['drakkar-id', Buffer.from(id, 'utf8')]
    return {
      topic: this.#topic,
      key,
      value,
      headers: this.#idHeader ? [...headers, header] : headers,
      ...(partition === undefined ? undefined : { partition }),
      ...(timestamp === undefined ? undefined : { timestamp }),
    }
  }
}

function topicMissing(name: string, topic: string): DrakkarError {
  return new DrakkarError('TOPIC_MISSING', `sinks.kafka.${name}.topic: the topic ${topic} does not exist`, {
    advice: `Create it (kafka-topics --create --topic ${topic} --partitions 12), or correct its name. Topics are not created by the worker.`,
  })
}
