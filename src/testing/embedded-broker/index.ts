/**
 * testing/embedded-broker: a Kafka cluster in a child process for tests and the demo.
 * Never a product feature: it holds 5 MiB a partition, in memory, and lacks the admin API.
 */
export {
  EMBEDDED_CLIENT,
  EMBEDDED_GROUP,
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
  embeddedBroker,
} from './embedded-broker.ts'
