import type { RdConsumer } from '../../../src/flow/source/kafka/confluent/client-types.ts'
import { loadClient } from '../../../src/flow/source/kafka/confluent/load.ts'
import type { Cluster } from './cluster.ts'

const TIMEOUT_MS = 10_000

/** Asks the brokers what a group has committed, without being a member of it. */
export class CommitReader {
  readonly #client: RdConsumer

  constructor(cluster: Cluster, group: string) {
    const { KafkaConsumer } = loadClient()
    this.#client = new KafkaConsumer({ ...cluster.client, 'group.id': group, log_level: 0 }, {})
  }

  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.connect({ timeout: TIMEOUT_MS, allTopics: false }, (error) =>
        error ? reject(new Error(error.message)) : resolve(),
      )
    })
  }

  /** Committed offsets by partition; 0 where there is none. */
  read(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const asked = partitions.map((partition) => ({ topic, partition }))
    return new Promise((resolve, reject) => {
      this.#client.committed(asked, TIMEOUT_MS, (error, positions) => {
        if (error) reject(new Error(error.message))
        else
          resolve(
            new Map(
              positions.flatMap((at) => ('partition' in at ? [[at.partition, Math.max(0, at.offset ?? 0)]] : [])),
            ),
          )
      })
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#client.disconnect(resolve))
  }
}
