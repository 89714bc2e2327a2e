/**
 * drakkar: messages from Kafka through your programs to your sinks, with nothing lost.
 * The public door: what a handler and a main file need, and the types of what hooks get.
 */
export { type AppOptions, DrakkarApp } from './app/index.ts'
export { defineSink, type RecordVerdict, type Sink, type SinkKind, type SinkRecord } from './flow/sinks/index.ts'
export { defineHandler, stableTaskId, task, taskId } from './handler/index.ts'
export {
  type ArrangeContext,
  type CustomOutput,
  type Decode,
  type DecodeContext,
  type DeliveryAction,
  type DeliveryFailure,
  DrakkarError,
  ERRORS,
  type ErrorAction,
  type ErrorCode,
  type FileOutput,
  type Handler,
  type Header,
  type HookContext,
  type HookLog,
  type HttpOutput,
  type KafkaOutput,
  type Message,
  type MessageGroup,
  type OnOutputCap,
  type Outcome,
  type Outputs,
  type Periodic,
  type Precomputed,
  type RawMessage,
  type RedisOutput,
  type RedisValue,
  type RunContext,
  type RunnerName,
  type Task,
  type TaskFailure,
  type TaskLimits,
  type TaskOptions,
  type TaskResult,
  type TaskSpec,
  type TopicPartition,
  type Verdict,
  type WindowGroup,
  type WorkerView,
} from './model/index.ts'
