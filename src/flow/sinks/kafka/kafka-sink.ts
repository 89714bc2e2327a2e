import { DrakkarError, type Header, reasonOf } from '../../../model/index.ts'
import { type OutgoingRecord, type RecordProducer, sendAll } from '../record-producer.ts'
import type { RecordVerdict, Sink, SinkRecord } from '../sink.ts'
import { type KafkaRecord, kafkaRecord, recordBytes } from './kafka-record.ts'
import { producerErrorKind } from './producer-error.ts'
import type { StagedRecord, Staging } from './staging.ts'

export interface KafkaSinkOptions {
  /** Name of the instance: the key under `sinks.kafka`. */
  readonly name: string
  readonly topic: string
  /** Of this sink alone: it is connected and closed with it. */
  readonly producer: RecordProducer
  /** Adds the header `drakkar-id` with the record's id, by which consumers can drop duplicates. Default true. */
  readonly idHeader?: boolean
}

export interface TransactionalKafkaSinkOptions extends Omit<KafkaSinkOptions, 'producer'> {
  readonly staging: Staging
}

/**
 * A sink that writes to one Kafka topic in the transactions of the source's commits. A record is placed when it is
 * staged: it becomes visible with the end of its messages, or never. Needs `delivery: atomic`.
 */
export function createTransactionalKafkaSink({
  staging,
  ...options
}: TransactionalKafkaSinkOptions): Sink<KafkaRecord> {
  return new KafkaSink(options, staging, (records, batch) =>
    staging.stage(records.map((record, index) => staged(record, batch[index] as SinkRecord))),
  )
}

/** A sink that writes to one Kafka topic. A record is placed when all in-sync replicas have it. */
export function createKafkaSink(options: KafkaSinkOptions): Sink<KafkaRecord> {
  return new KafkaSink(options, options.producer, (records) => sendAll(options.producer, records))
}

/** Sends a batch in the form of records; for each null, or why not. */
type SendAll = (records: readonly OutgoingRecord[], batch: readonly SinkRecord[]) => Promise<readonly (Error | null)[]>

function staged(record: OutgoingRecord, { id, assignment, offsets, payload }: SinkRecord): StagedRecord {
  if (offsets === undefined)
    throw new Error(`${id} belongs to no group of messages: transactions need delivery: atomic`)
  return { id, token: payload as object, assignment, offsets, record }
}

const PLACED: RecordVerdict = { ok: true }

class KafkaSink implements Sink<KafkaRecord> {
  readonly kind = 'kafka'
  readonly name: string
  readonly #topic: string
  readonly #producer: Pick<RecordProducer, 'connect' | 'describe' | 'close'>
  readonly #send: SendAll
  readonly #idHeader: boolean
  #open = false

  constructor(
    options: Omit<KafkaSinkOptions, 'producer'>,
    producer: Pick<RecordProducer, 'connect' | 'describe' | 'close'>,
    send: SendAll,
  ) {
    this.name = options.name
    this.#topic = options.topic
    this.#producer = producer
    this.#send = send
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
    const answers = await this.#send(
      batch.map((record) => this.#outgoing(record)),
      batch,
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
  return new DrakkarError(
    'TOPIC_MISSING',
    `sinks.kafka.${name}.topic: the topic ${topic} does not exist, or ACLs hide it from this user`,
    {
      advice: `Create it (kafka-topics --create --topic ${topic} --partitions 12), correct its name, or let the user write there. Topics are not created by the worker.`,
    },
  )
}
