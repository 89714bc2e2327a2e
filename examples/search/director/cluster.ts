import { loadClient } from '../../../src/flow/source/kafka/confluent/load.ts'
import { EMBEDDED_CLIENT, EMBEDDED_GROUP, embeddedBroker } from '../../../src/testing/embedded-broker/index.ts'

/** Where the demo's topics are. */
export interface Cluster {
  /** For the reader: what to call it. */
  readonly name: string
  readonly brokers: string
  /** Properties for every client of it. */
  readonly client: Readonly<Record<string, string | number>>
  /** How members of a group behave on it. */
  readonly group: {
    readonly sessionTimeoutMs: number
    readonly heartbeatIntervalMs: number
    readonly maxPollIntervalMs: number
  }
  createTopics(topics: readonly string[]): Promise<void>
  deleteTopics(topics: readonly string[]): Promise<void>
  stop(): Promise<void>
}

/** A cluster of our own in a child process; it ends with us. */
export async function embeddedCluster(): Promise<Cluster> {
  const broker = await embeddedBroker()
  return {
    name: `embedded, in a process of its own, ${broker.brokers}`,
    brokers: broker.brokers,
    client: { 'bootstrap.servers': broker.brokers, ...EMBEDDED_CLIENT },
    group: EMBEDDED_GROUP,
    createTopics: async (topics) => {
      for (const topic of topics) await broker.ensureTopic(topic)
    },
    // They end with the cluster.
    deleteTopics: async () => undefined,
    stop: () => broker.stop(),
  }
}

type Done = (error: Error | null | undefined) => void

interface Admin {
  createTopic(topic: object, timeoutMs: number, done: Done): void
  deleteTopic(topic: string, timeoutMs: number, done: Done): void
  disconnect(): void
}

const PARTITIONS = 4
const TIMEOUT_MS = 15_000

/** A cluster that somebody runs. */
export function realCluster(brokers: string): Cluster {
  const { AdminClient } = loadClient() as unknown as { AdminClient: { create(conf: object): Admin } }
  const each = async (
    topics: readonly string[],
    call: (admin: Admin, topic: string, done: Done) => void,
  ): Promise<void> => {
    const admin = AdminClient.create({ 'bootstrap.servers': brokers, log_level: 0 })
    try {
      for (const topic of topics) {
        await new Promise<void>((resolve, reject) => {
          call(admin, topic, (error) =>
            error ? reject(new Error(`${topic} on ${brokers}: ${error.message}`)) : resolve(),
          )
        })
      }
    } finally {
      admin.disconnect()
    }
  }
  return {
    name: brokers,
    brokers,
    client: { 'bootstrap.servers': brokers },
    group: { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 3_000, maxPollIntervalMs: 300_000 },
    createTopics: (topics) =>
      each(topics, (admin, topic, done) =>
        admin.createTopic({ topic, num_partitions: PARTITIONS, replication_factor: -1 }, TIMEOUT_MS, done),
      ),
    deleteTopics: (topics) => each(topics, (admin, topic, done) => admin.deleteTopic(topic, TIMEOUT_MS, done)),
    stop: async () => undefined,
  }
}
