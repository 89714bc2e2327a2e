import { confluentDriver } from '../../src/flow/source/kafka/confluent/index.ts'
import { type ContractBroker, kafkaDriverContract } from '../contract/kafka-driver.ts'
import { anyKafka } from './kafka.ts'
import { kafkaAdmin } from './kafka-admin.ts'

kafkaDriverContract('the native client on Apache Kafka', {
  driver: () => confluentDriver({ timing: { connectMs: 5_000 } }),
  real: true,
  broker: async (): Promise<ContractBroker> => {
    const kafka = await anyKafka()
    const admin = kafkaAdmin(kafka.brokers)
    return {
      client: { 'bootstrap.servers': kafka.brokers },
      timing: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500, maxPollIntervalMs: 60_000 },
      createTopic: (topic, settings) => admin.createTopic(topic, 4, settings),
      admin,
      stop: async () => {
        admin.close()
        await kafka.stop()
      },
    }
  },
})
