/**
 * flow/sinks: gets outputs to the configured sinks, in batches, each record with its own verdict.
 * It never decides how a message ends, and never gives a record up because its sink is away.
 */
export { type BatchOptions, DEFAULT_BATCH } from './batcher.ts'
export type { BreakerOptions } from './breaker.ts'
export { createCustomSink, lacksOfSink } from './custom/custom-sink.ts'
export { defineSink, isSinkKind, type SinkKind } from './custom/define-sink.ts'
export { createDelivery, type DeliveryOptions } from './delivery.ts'
export type { Delivery, Refusal, RoutedRecord } from './delivery-port.ts'
export { createFileSink, type FileSinkOptions } from './file/file-sink.ts'
export { createHttpSink, type HttpSinkOptions } from './http/http-sink.ts'
export {
  createKafkaSink,
  createTransactionalKafkaSink,
  type KafkaSinkOptions,
  type TransactionalKafkaSinkOptions,
} from './kafka/kafka-sink.ts'
export { producerErrorCode } from './kafka/producer-error.ts'
export { revivingProducer } from './kafka/reviving-producer.ts'
export type { StagedRecord, Staging } from './kafka/staging.ts'
export { MongoLink, type MongoLinkOptions } from './mongo/mongo-link.ts'
export { createMongoSink, type MongoSinkOptions } from './mongo/mongo-sink.ts'
export type { MongoStatement } from './mongo/statement.ts'
export { lookAtPostgres, type PostgresLook } from './postgres/look.ts'
export { type PostgresLinkOptions, postgresLink } from './postgres/pg-link.ts'
export { createPostgresSink, type PostgresSinkOptions } from './postgres/postgres-sink.ts'
export type { PostgresLink } from './postgres/session.ts'
export type { OutgoingRecord, RecordProducer } from './record-producer.ts'
export { type RedisLinkOptions, type RedisTls, redisLink } from './redis/ioredis-link.ts'
export { lookAtRedis } from './redis/look.ts'
export type { RedisLink } from './redis/redis-link.ts'
export { createRedisSink, type RedisSinkOptions } from './redis/redis-sink.ts'
export { OutputError } from './routing.ts'
export type { RecordVerdict, Sink, SinkRecord } from './sink.ts'
