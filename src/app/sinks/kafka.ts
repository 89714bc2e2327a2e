import { type Config, clientProperties } from '../../config/index.ts'
import {
  createKafkaSink,
  createTransactionalKafkaSink,
  type RecordProducer,
  revivingProducer,
  type Staging,
} from '../../flow/sinks/index.ts'
import type { KafkaDriver } from '../../flow/source/index.ts'
import { type BuiltSink, limits } from './built.ts'

/**
 * Batches that a Kafka sink may have under way: its producer lingers and waits for the replicas, and with one batch at a
 * time these waits, not the machine, would bound the rate.
 */
const KAFKA_BATCHES = 4
/**
 * Between batches, milliseconds: a record handed to the client by itself wakes its threads and costs three to seven times
 * what it costs among a hundred. A lone record goes at once.
 */
const KAFKA_PACE_MS = 5

/** `staging`: where transactional sinks put their records; there where one of them is. */
export function kafkaSinks(config: Config, driver: KafkaDriver, staging: Staging | undefined): BuiltSink[] {
  return Object.entries(config.sinks.kafka).map(([name, sink]) => {
    const { topic, idHeader } = sink
    if (sink.transactional) {
      // Never plainly instead: its readers count on each result being there once.
      if (staging === undefined) throw new Error(`sinks.kafka.${name} is transactional, and there are no transactions`)
      return { sink: createTransactionalKafkaSink({ name, topic, staging, idHeader }), batch: limits(sink) }
    }
    const producer = kafkaProducer(config, driver, sink, {
      lingerMs: sink.producerLingerMs,
      compression: sink.compression,
    })
    return {
      sink: createKafkaSink({ name, topic, producer, idHeader }),
      batch: { ...limits(sink), inFlight: KAFKA_BATCHES, paceMs: KAFKA_PACE_MS },
    }
  })
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
