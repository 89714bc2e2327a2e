/**
 * model-broker: Kafka in memory and on virtual time, as strict as the real one, with faults from a seed.
 * Owns logs, groups and their history; never does real I/O, never knows what its clients do with a record.
 */
export { ModelBroker, type ModelDriver, type NewRecord } from './broker.ts'
export type { StoredCommit } from './coordinator.ts'
export { type BrokerFaults, heal, noFaults } from './faults.ts'
export { type Fate, Link } from './link.ts'
