import { DrakkarError } from '../../../../model/index.ts'
import type { ClientProperties, ConsumerOptions, TransactionalOptions } from '../driver.ts'

/** Properties that carry a guarantee of the framework: a configuration cannot change them. */
const RESERVED_CONSUMER: readonly string[] = [
  'group.id',
  'group.instance.id',
  'enable.auto.commit',
  'enable.auto.offset.store',
  'auto.commit.enable',
  'auto.commit.interval.ms',
  'auto.offset.reset',
  'session.timeout.ms',
  'heartbeat.interval.ms',
  'max.poll.interval.ms',
  'enable.partition.eof',
  'rebalance_cb',
  'offset_commit_cb',
  'event_cb',
]

const RESERVED_PRODUCER: readonly string[] = [
  'enable.idempotence',
  'acks',
  'request.required.acks',
  'transactional.id',
  'dr_cb',
  'dr_msg_cb',
  'event_cb',
]

/** How long a record may wait for its acknowledgement before its `send` rejects. */
const DELIVERY_TIMEOUT_MS = 30_000
/** How long a topic that no broker knows may still be on its way through the cluster. */
const TOPIC_PATIENCE_MS = 5_000
/** Records and kilobytes that the producer holds before `send` waits. */
const PRODUCER_QUEUE = { records: 20_000, kilobytes: 65_536 }

/**
 * Properties of the consumer. Prefetch is small because each pause throws it away, and so is what one fetch brings of a
 * partition (measured with pauses and small records: 93,000 records/s with 64 KiB, 66,000 with 128, 28,000 with 10 MiB; a
 * larger record comes all the same); `fetch.queue.backoff.ms` doubles the throughput against its default; metadata is refreshed often so that a topic created later is seen soon. The
 * statistics are how a partition that lost its position is found (`watch.ts`).
 */
export function consumerProperties(client: ClientProperties, options: ConsumerOptions): Record<string, unknown> {
  refuse(client, RESERVED_CONSUMER, 'consumer')
  const brokerTimesGroup = client['group.protocol'] === 'consumer'
  return {
    'fetch.message.max.bytes': 131_072,
    'fetch.queue.backoff.ms': 5,
    'queued.min.messages': 5_000,
    'queued.max.messages.kbytes': 16_384,
    'topic.metadata.refresh.interval.ms': 10_000,
    'statistics.interval.ms': 1_000,
    'socket.nagle.disable': true,
    ...(brokerTimesGroup ? {} : { 'partition.assignment.strategy': 'cooperative-sticky' }),
    ...client,
    'group.id': options.groupId,
    ...(options.groupInstanceId === undefined ? {} : { 'group.instance.id': options.groupInstanceId }),
    ...(brokerTimesGroup
      ? {}
      : { 'session.timeout.ms': options.sessionTimeoutMs, 'heartbeat.interval.ms': options.heartbeatIntervalMs }),
    'max.poll.interval.ms': options.maxPollIntervalMs,
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    offset_commit_cb: true,
  }
}

/**
 * With `error` a position that the log does not hold stops the partition; with `earliest` the client jumps over the gap
 * without a word.
 */
export const CONSUMER_TOPIC_PROPERTIES: Readonly<Record<string, unknown>> = { 'auto.offset.reset': 'error' }

/** Properties of the producer: idempotent, acknowledged by all in-sync replicas, the Java client's partitioner. */
export function producerProperties(
  client: ClientProperties,
  options: { readonly lingerMs: number; readonly compression: string; readonly maxMessageBytes?: number },
): Record<string, unknown> {
  refuse(client, RESERVED_PRODUCER, 'producer')
  const largest = options.maxMessageBytes ?? 0
  return {
    partitioner: 'murmur2_random',
    'message.timeout.ms': DELIVERY_TIMEOUT_MS,
    'topic.metadata.propagation.max.ms': TOPIC_PATIENCE_MS,
    'queue.buffering.max.messages': PRODUCER_QUEUE.records,
    'queue.buffering.max.kbytes': Math.max(PRODUCER_QUEUE.kilobytes, Math.ceil((2 * largest) / 1024)),
    'socket.nagle.disable': true,
    // With more, a first batch that is tried again because the leader was not ready comes after its successors, and the
    // broker calls it a duplicate although it is not in the log: its order is lost, or the record (see the producer).
    'max.in.flight.requests.per.connection': 1,
    ...client,
    'linger.ms': options.lingerMs,
    'compression.type': options.compression,
    ...(options.maxMessageBytes === undefined ? {} : { 'message.max.bytes': options.maxMessageBytes }),
    'enable.idempotence': true,
    acks: -1,
    dr_cb: true,
  }
}

/**
 * How long the broker leaves a transaction open of which it hears nothing. So long a reader of the results, and the next
 * owner of its partitions, may wait where a worker dies in the middle of one and does not come back under its name.
 */
const TRANSACTION_TIMEOUT_MS = 20_000
/** A transaction that begins right behind another one is put off for as long as that one is being settled. */
const TRANSACTION_RETRY_MS = 20

/** Properties of a transactional producer: those of a producer, but no record outlives its transaction. */
export function transactionalProperties(
  client: ClientProperties,
  options: TransactionalOptions,
): Record<string, unknown> {
  const { transactionalId, ...others } = options
  const { 'message.timeout.ms': _, ...properties } = producerProperties(client, { lingerMs: 5, ...others })
  return {
    'transaction.timeout.ms': TRANSACTION_TIMEOUT_MS,
    'retry.backoff.ms': TRANSACTION_RETRY_MS,
    ...properties,
    'transactional.id': transactionalId,
  }
}

function refuse(client: ClientProperties, reserved: readonly string[], kind: string): void {
  const taken = Object.keys(client).filter((name) => reserved.includes(name))
  if (taken.length === 0) return
  throw new DrakkarError(
    'CONFIG_INVALID',
    `The Kafka ${kind} sets ${taken.join(', ')} itself; it cannot come from the pass-through client settings`,
    { advice: 'Remove it there; where the configuration has an option of its own for it, use that one.' },
  )
}
