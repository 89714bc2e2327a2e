import { type Config, clientProperties } from '../config/index.ts'
import {
  type BatchOptions,
  createFileSink,
  createKafkaSink,
  type RecordProducer,
  revivingProducer,
  type Sink,
} from '../flow/sinks/index.ts'
import type { KafkaDriver } from '../flow/source/index.ts'
import { DrakkarError } from '../model/index.ts'

/**
 * Batches that a Kafka sink may have under way: its producer lingers and waits for the replicas, and with one batch at a
 * time these waits, not the machine, would bound the rate.
 */
const KAFKA_BATCHES = 4

/** Every configured sink instance with its batch limits, by `<kind>:<name>`. Throws NO_SINK where there is none. */
export function buildSinks(
  config: Config,
  driver: KafkaDriver,
): { readonly sinks: readonly Sink[]; readonly batch: Record<string, Partial<BatchOptions>> } {
  const sinks: Sink[] = []
  const batch: Record<string, Partial<BatchOptions>> = {}
  for (const [name, sink] of Object.entries(config.sinks.kafka)) {
    const producer = kafkaProducer(config, driver, sink, {
      lingerMs: sink.producerLingerMs,
      compression: sink.compression,
    })
    sinks.push(createKafkaSink({ name, topic: sink.topic, producer, idHeader: sink.idHeader }))
    batch[`kafka:${name}`] = { ...limits(sink), inFlight: KAFKA_BATCHES }
  }
  for (const [name, sink] of Object.entries(config.sinks.filesystem)) {
    sinks.push(createFileSink({ name, basePath: sink.basePath, fsync: sink.fsync, maxOpenFiles: sink.maxOpenFiles }))
    batch[`files:${name}`] = limits(sink)
  }
  if (sinks.length === 0) {
    throw new DrakkarError('NO_SINK', 'no sink is configured, so results would go nowhere', {
      advice:
        'Add one, for example `sinks: { kafka: { output: { topic: results } } }` or `sinks: { filesystem: { main: { base_path: ./results } } }`.',
    })
  }
  return { sinks, batch }
}

/** A producer for a client that may have brokers of its own; it outlives fatal errors of the client. */
export function kafkaProducer(
  config: Config,
  driver: KafkaDriver,
  own: Config['dlq'] | Config['sinks']['kafka'][string],
  options: { readonly lingerMs: number; readonly compression: string },
): RecordProducer {
  const client = clientProperties(config.kafka, own)
  const { maxMessageBytes } = config.sources.kafka
  return revivingProducer(() => driver.producer(client, { ...options, maxMessageBytes }))
}

function limits(sink: {
  readonly lingerMs: number
  readonly maxBatchRecords: number
  readonly maxBatchBytes: number
}): Partial<BatchOptions> {
  return { lingerMs: sink.lingerMs, maxRecords: sink.maxBatchRecords, maxBytes: sink.maxBatchBytes }
}
