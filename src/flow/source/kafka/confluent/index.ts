/**
 * kafka/confluent: the Kafka driver over the native client, its traps covered.
 * Nothing else knows the client: its types, numbers and names end here. Never decides what is read or committed.
 */
export { type ClientFacts, clientFacts } from './client-facts.ts'
export { type ConfluentDriverOptions, confluentDriver } from './driver.ts'
export { DEFAULT_TIMING, type Timing } from './timing.ts'
