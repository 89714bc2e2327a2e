/**
 * model: the nouns of the flow, its events and its errors.
 * Data and types only: nothing here does I/O, reads a clock or knows a part of the flow.
 */
export type { Assignment, PauseReason } from './assignment.ts'
export type { Actor, Answered, Control } from './control.ts'
export type { Death, DeathStage, End } from './end.ts'
export { DrakkarError, ERRORS, type ErrorCode, reasonOf } from './errors.ts'
export type { Announce, EventOf, HookName, WorkerEvent } from './events.ts'
export {
  type ArrangeContext,
  type Decode,
  type DecodeContext,
  type DeliveryAction,
  type DeliveryFailure,
  type ErrorAction,
  type Handler,
  type HookContext,
  type HookLog,
  type MessageGroup,
  type Periodic,
  type RunContext,
  TaskFailure,
  type WindowGroup,
} from './handler.ts'
export type { Hold, Holds } from './hold.ts'
export {
  type Header,
  type Message,
  messageBytes,
  partitionKey,
  type RawMessage,
  type TopicPartition,
} from './message.ts'
export type { LaunchPart, Outcome, PartialOutput, ProgramIdentity, Verdict } from './outcome.ts'
export type {
  CustomOutput,
  FileOutput,
  HttpOutput,
  KafkaOutput,
  MongoDocument,
  MongoOutput,
  OutputKind,
  Outputs,
  PostgresOutput,
  PostgresRow,
  RedisOutput,
  RedisValue,
} from './output.ts'
export {
  type OnOutputCap,
  type Precomputed,
  type RunnerName,
  type StdinFile,
  type Task,
  type TaskLimits,
  type TaskOptions,
  TaskResult,
  type TaskSpec,
} from './task.ts'
export {
  type ExecutorView,
  type HeadView,
  isReady,
  type KeptView,
  type PartitionView,
  type RunView,
  type SinkView,
  type Waiting,
  type WorkerView,
} from './view.ts'
export { spoken, type Why, whyOf } from './why.ts'
