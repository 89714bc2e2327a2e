/**
 * source: where messages come from. Owns the intake, the positions and their commits, and the ports of Kafka clients.
 * Never decodes a message, never decides how it ends.
 */
export { type ClientFacts, type ConfluentDriverOptions, clientFacts, confluentDriver } from './kafka/confluent/index.ts'
export {
  type ClientProperties,
  type CommitAnswer,
  type CommitRequest,
  type CommittedPosition,
  type ConsumerEvents,
  type ConsumerOptions,
  DriverError,
  type KafkaConsumer,
  type KafkaDriver,
  type KafkaProducer,
  type LogEnd,
  type ProducedAt,
  type ProducerRecord,
  type RebalanceListener,
  type StartPosition,
  type TransactionalOptions,
  type TransactionalProducer,
  type Watermarks,
} from './kafka/driver.ts'
export type { KafkaSourceOptions } from './kafka/options.ts'
export type { AutoOffsetReset, GapPolicy } from './kafka/positions.ts'
export { KafkaSource } from './kafka/source.ts'
export { matchTopics } from './kafka/topics.ts'
export type { StagedOutput } from './kafka/transactions/staged.ts'
export { Transactor, type TransactorOptions } from './kafka/transactions/transactor.ts'
export type { Source, SourceListener, SourcePartitionView } from './source.ts'
