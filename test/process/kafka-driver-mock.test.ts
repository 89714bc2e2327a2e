import { confluentDriver } from '../../src/flow/source/kafka/confluent/index.ts'
import { EMBEDDED_CLIENT, EMBEDDED_GROUP, embeddedBroker } from '../../src/testing/embedded-broker/index.ts'
import { type ContractBroker, kafkaDriverContract } from '../contract/kafka-driver.ts'

kafkaDriverContract('the native client on the embedded broker', {
  driver: () => confluentDriver({ timing: { connectMs: 2_000 } }),
  real: false,
  broker: async (): Promise<ContractBroker> => {
    const broker = await embeddedBroker({ brokers: 3 })
    return {
      client: { 'bootstrap.servers': broker.brokers, ...EMBEDDED_CLIENT },
      // Longer than elsewhere: on a crowded machine a member that was not scheduled for four seconds loses its partitions.
      timing: { ...EMBEDDED_GROUP, sessionTimeoutMs: 6_500 },
      createTopic: (topic) => broker.ensureTopic(topic),
      stop: () => broker.stop(),
    }
  },
})
