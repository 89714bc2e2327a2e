import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Header, Message, RawMessage, TopicPartition } from './message.ts'
import type { Outputs } from './output.ts'
import type { Task, TaskResult, TaskSpec } from './task.ts'

type Awaitable<T> = T | Promise<T>

/** What a decoder may look at besides the bytes. */
export interface DecodeContext {
  readonly topic: string
  readonly headers: readonly Header[]
  readonly key: Buffer | null
}

/**
 * How bytes become a value before the schema sees it: `json` (UTF-8 JSON; the default), `text` (UTF-8), `bytes` (the
 * Buffer itself), or a function. Throwing is a parse failure.
 */
export type Decode = 'json' | 'text' | 'bytes' | ((value: Buffer | null, context: DecodeContext) => unknown)

/** What every hook gets as its last argument. */
export interface HookContext {
  /** Aborts when the hook's result is no longer wanted: deadline passed, partition lost, worker forced to stop. */
  readonly signal: AbortSignal
  /** A structured logger that carries the hook and its message, task or window. */
  readonly log: HookLog
}

/** What a function gets besides its task. */
export interface RunContext extends HookContext {
  /** Says that the function is alive; see `executor.function.no_progress_seconds`. */
  readonly progress: () => void
}

export interface HookLog {
  debug(event: string, fields?: Record<string, unknown>): void
  info(event: string, fields?: Record<string, unknown>): void
  warn(event: string, fields?: Record<string, unknown>): void
  error(event: string, fields?: Record<string, unknown>): void
}

export interface ArrangeContext extends HookContext {
  /** Tasks of this partition that are in flight now, by id; to leave out what is already under way. */
  readonly pending: ReadonlyMap<string, Task>
}

/** All tasks of one message, when the last one has settled. */
export interface MessageGroup<Payload = unknown, Metadata = unknown, Value = unknown> {
  readonly message: Message<Payload>
  /** Every task that was ever made for it, replaced ones included. */
  readonly tasks: readonly Task<Payload, Metadata>[]
  readonly results: readonly TaskResult<Payload, Metadata, Value>[]
  readonly failures: readonly TaskFailure<Payload, Metadata>[]
  /** Tasks that handed over to replacements. */
  readonly replaced: number
  /** True where there was at least one task and none failed. */
  readonly allSucceeded: boolean
  /** True where `arrange` made no task for it. */
  readonly isEmpty: boolean
  /** From its admission until now, seconds. */
  readonly durationSeconds: number
}

/** All results of one window, when the last message in it has settled. */
export interface WindowGroup<Payload = unknown, Metadata = unknown, Value = unknown> {
  readonly messages: readonly Message<Payload>[]
  readonly results: readonly TaskResult<Payload, Metadata, Value>[]
  readonly failures: readonly TaskFailure<Payload, Metadata>[]
}

/** A run that did not end `ok`, or whose `onTaskComplete` failed. */
export class TaskFailure<Payload = unknown, Metadata = unknown> {
  readonly task: Task<Payload, Metadata>
  readonly result: TaskResult<Payload, Metadata>
  /** Runs so far. */
  readonly attempts: number
  /** One line: what happened. */
  readonly reason: string
  /** What `onTaskComplete` threw, where that is what failed. */
  readonly cause: unknown

  constructor(result: TaskResult<Payload, Metadata>, reason: string, cause?: unknown) {
    this.task = result.task
    this.result = result
    this.attempts = result.attempts
    this.reason = reason
    this.cause = cause
  }

  get verdict(): TaskResult['verdict'] {
    return this.result.verdict
  }

  get exitCode(): number | null {
    return this.result.exitCode
  }

  get stderr(): string {
    return this.result.stderr
  }

  get stdout(): string {
    return this.result.stdout
  }
}

/**
 * What to do with a failed task: run it again (after a backoff, or after so many milliseconds; within
 * `executor.max_retries`), let it go, dead-letter its messages, or run other tasks in its place.
 */
export type ErrorAction<Payload = unknown, Metadata = unknown> =
  | 'retry'
  | { readonly retryAfterMs: number }
  | 'skip'
  | 'dead-letter'
  | readonly TaskSpec<Payload, Metadata>[]
  | TaskSpec<Payload, Metadata>

/** Payloads that a sink refused after all its own attempts. */
export interface DeliveryFailure {
  /** `kafka`, `files`, … */
  readonly kind: string
  /** Name of the instance. */
  readonly sink: string
  /** One line: what the sink said. */
  readonly reason: string
  readonly payloads: readonly unknown[]
  /** Ids of those payloads, the same after every replay. */
  readonly payloadIds: readonly string[]
  /** How often this hook was asked about them, this time included. */
  readonly attempts: number
  readonly messages: readonly Message[]
}

/** What to do with payloads that a sink refused: try once more (within `executor.max_retries`), let go, or dead-letter. */
export type DeliveryAction = 'retry' | 'skip' | 'dead-letter'

/** Work that runs beside the messages, e.g. to refresh a table. */
export interface Periodic {
  /** From the end of one run to the start of the next, seconds; runs never overlap. The first comes after this time. */
  readonly everySeconds: number
  /** After a run that throws: go on (default), or never run it again. */
  readonly onError?: 'continue' | 'stop'
  run(context: HookContext): Awaitable<void>
}

/**
 * A handler: the user's code. `arrange` is the only hook that must be there. Each may be sync or async, and may be a
 * method of a class. What a hook throws never ends a message by itself; see the guide for the end of each case.
 */
export interface Handler<Payload = unknown, Metadata = unknown, Value = unknown> {
  /** Any Standard Schema (zod, valibot, arktype, …). Without one the payload is what `decode` made. */
  readonly input?: StandardSchemaV1<unknown, Payload>
  /** Default `json`. */
  readonly decode?: Decode
  /** Messages of one partition (1 to `executor.window_size`) become tasks. A message without a task ends as delivered. */
  arrange(
    messages: readonly Message<Payload>[],
    context: ArrangeContext,
  ): Awaitable<readonly TaskSpec<Payload, Metadata>[]>
  /**
   * The task itself, where its runner is `function` and `executor.function.file` names no module: for work that waits.
   * What it answers is the task's stdout (text, bytes, or JSON of anything else) and `result.value`; throwing is exit
   * code 1. It must end when `context.signal` aborts: at its time-out, or when it is cancelled.
   */
  run?(task: Task<Payload, Metadata>, context: RunContext): Awaitable<Value>
  /** Once per task that ended `ok`. */
  onTaskComplete?(result: TaskResult<Payload, Metadata, Value>, context: HookContext): Awaitable<Outputs | void>
  /** Once per message, when all its tasks have settled; also for a message without tasks. */
  onMessageComplete?(group: MessageGroup<Payload, Metadata, Value>, context: HookContext): Awaitable<Outputs | void>
  /** Once per window. Its messages then end only after its slowest task. */
  onWindowComplete?(window: WindowGroup<Payload, Metadata, Value>, context: HookContext): Awaitable<Outputs | void>
  /** Once per failed run. Default: `'retry'` while the budget lasts, then dead letter. */
  onError?(failure: TaskFailure<Payload, Metadata>, context: HookContext): Awaitable<ErrorAction<Payload, Metadata>>
  /** Default `'dead-letter'`. */
  onDeliveryError?(failure: DeliveryFailure, context: HookContext): Awaitable<DeliveryAction>
  /** Once, before anything is built, with the validated configuration. Throwing stops the start. */
  onStartup?(config: unknown, context: HookContext): Awaitable<void>
  /** Once, when every sink is connected and before the first message. Throwing stops the start. */
  onReady?(context: HookContext): Awaitable<void>
  onAssign?(partitions: readonly TopicPartition[], context: HookContext): Awaitable<void>
  onRevoke?(partitions: readonly TopicPartition[], context: HookContext): Awaitable<void>
  /** How logs and the UI call a message. Default `<partition>:<offset>`. */
  messageLabel?(message: RawMessage & { readonly payload: Payload }): string
  /** Smaller runs first; arrays are compared element by element. Default: the task's oldest offset. */
  taskPriority?(task: Task<Payload, Metadata>): number | readonly number[]
  readonly periodic?: Readonly<Record<string, Periodic>>
}
