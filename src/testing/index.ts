/**
 * testing: a world for tests: a clock that moves when told, a broker in memory, scripted programs and sinks.
 * Owns nothing of the product; nothing here reads real time, real chance, a socket or a file.
 */
export {
  type BrokerEvent,
  History,
  type HistoryEntry,
  type HistoryEvent,
  type RecordAt,
  type WorkEvent,
} from './history.ts'
export {
  type BrokerFaults,
  type Fate,
  heal,
  Link,
  ModelBroker,
  type ModelDriver,
  type NewRecord,
  noFaults,
  type StoredCommit,
} from './model-broker/index.ts'
export { type Run, ScriptedRunner, type ScriptedRunnerOptions } from './scripted-runner.ts'
export { ScriptedSink, type ScriptedSinkOptions, type SinkScript } from './scripted-sink.ts'
export { type SinkUnderTest, sinkContract, type TestFunction } from './sink-contract.ts'
export { type ClockBranch, StuckError, type VirtualClock, virtualClock } from './virtual-clock.ts'
