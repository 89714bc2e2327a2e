import { loadClient } from '../../src/flow/source/kafka/confluent/load.ts'
import type { TopicPartition } from '../../src/model/index.ts'

type Done = (error: Error | null | undefined) => void

interface NativeAdmin {
  createTopic(topic: object, timeoutMs: number, done: Done): void
  deleteTopic(topic: string, timeoutMs: number, done: Done): void
  deleteRecords(records: readonly object[], options: object, done: Done): void
  disconnect(): void
}

/** The few things that tests ask of a broker beyond the driver's port. */
export interface KafkaAdmin {
  createTopic(topic: string, partitions: number, settings?: Readonly<Record<string, string>>): Promise<void>
  /** Resolves when the topic is gone. */
  deleteTopic(topic: string): Promise<void>
  deleteRecords(at: TopicPartition, before: number): Promise<void>
  close(): void
}

const TIMEOUT_MS = 15_000

export function kafkaAdmin(brokers: string): KafkaAdmin {
  const { AdminClient } = loadClient() as unknown as { AdminClient: { create(conf: object): NativeAdmin } }
  const admin = AdminClient.create({ 'bootstrap.servers': brokers })
  const call = (run: (done: Done) => void): Promise<void> =>
    new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())))
  return {
    createTopic: (topic, partitions, config = {}) =>
      call((done) =>
        // As many replicas as the cluster is set up for.
        admin.createTopic({ topic, num_partitions: partitions, replication_factor: -1, config }, TIMEOUT_MS, done),
      ),
    deleteTopic: (topic) => call((done) => admin.deleteTopic(topic, TIMEOUT_MS, done)),
    deleteRecords: ({ topic, partition }, offset) =>
      call((done) => admin.deleteRecords([{ topic, partition, offset }], { timeout: TIMEOUT_MS }, done)),
    close: () => admin.disconnect(),
  }
}
