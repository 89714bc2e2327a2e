import type { Assignment } from './assignment.ts'
import type { End } from './end.ts'
import type { Hold } from './hold.ts'
import type { Message, RawMessage, TopicPartition } from './message.ts'
import type { Outcome } from './outcome.ts'
import type { Task } from './task.ts'

/** Hooks by the names that metrics and logs use. */
export type HookName =
  | 'arrange'
  | 'run'
  | 'on_task_complete'
  | 'on_message_complete'
  | 'on_window_complete'
  | 'on_error'
  | 'on_delivery_error'
  | 'on_startup'
  | 'on_ready'
  | 'on_assign'
  | 'on_revoke'
  | 'message_label'
  | 'task_priority'
  | 'decode'
  | 'input'
  | 'periodic'

/**
 * Everything that the flow announces. Metrics, logs, recorder and UI listen; nothing in the flow knows who does. A row
 * here is the contract: `type`, then what was measured.
 */
export type WorkerEvent =
  /** Records arrived from the source. */
  | { readonly type: 'consumed'; readonly at: TopicPartition; readonly count: number; readonly bytes: number }
  /** A record that its commit metadata says is finished already; it is not run again. */
  | { readonly type: 'already_done'; readonly at: TopicPartition; readonly offset: number }
  /** Decoding or validation refused a record. */
  | { readonly type: 'parse_failed'; readonly message: RawMessage; readonly reason: string }
  | {
      readonly type: 'arranged'
      readonly at: TopicPartition
      readonly window: number
      readonly messages: readonly Message[]
      readonly tasks: number
      readonly durationMs: number
    }
  /** A task took a slot (precomputed ones: `slot` is null) and runs. */
  | {
      readonly type: 'task_started'
      readonly task: Task
      readonly slot: number | null
      readonly attempt: number
      readonly queueWaitMs: number
    }
  /** A run ended. `failed` is true for every verdict but `ok`. */
  | {
      readonly type: 'task_finished'
      readonly task: Task
      readonly slot: number | null
      readonly attempt: number
      readonly outcome: Outcome
      readonly failed: boolean
    }
  /** A function ignored its signal and was given up: it may still run, and nobody waits for it. */
  | { readonly type: 'function_abandoned'; readonly task: Task; readonly afterMs: number }
  | { readonly type: 'task_retried'; readonly task: Task; readonly attempt: number; readonly delayMs: number }
  | { readonly type: 'priority_failed'; readonly task: Task; readonly error: unknown }
  /** A hook returned or threw. */
  | { readonly type: 'hook_finished'; readonly hook: HookName; readonly durationMs: number; readonly error: unknown }
  | { readonly type: 'message_ended'; readonly message: RawMessage; readonly end: End; readonly durationMs: number }
  | {
      readonly type: 'window_ended'
      readonly at: TopicPartition
      readonly window: number
      readonly tasks: number
      readonly durationMs: number
    }
  /** A batch went to a sink. `failed` counts the records that this attempt did not place. */
  | {
      readonly type: 'sink_delivered'
      readonly kind: string
      readonly sink: string
      readonly records: number
      readonly failed: number
      readonly durationMs: number
      readonly error: string | null
    }
  | {
      readonly type: 'sink_retried'
      readonly kind: string
      readonly sink: string
      readonly records: number
      readonly delayMs: number
    }
  /** Payloads let go by a rule. */
  | { readonly type: 'sink_skipped'; readonly kind: string; readonly sink: string; readonly records: number }
  /** 0 closed, 0.5 half open, 1 open. */
  | { readonly type: 'sink_circuit'; readonly kind: string; readonly sink: string; readonly state: 0 | 0.5 | 1 }
  | { readonly type: 'sink_connected'; readonly kind: string; readonly sink: string }
  | {
      readonly type: 'dead_letter_failed'
      readonly at: TopicPartition
      readonly error: string
      readonly attempt: number
    }
  | {
      readonly type: 'committed'
      readonly at: TopicPartition
      readonly offset: number
      readonly metadataBytes: number
      readonly durationMs: number
    }
  | {
      readonly type: 'commit_failed'
      readonly at: readonly TopicPartition[]
      readonly error: string
      readonly willRetry: boolean
    }
  /** A transaction with results, dead letters and offsets ended. `stagedBytes`: what waits for the next ones. */
  | {
      readonly type: 'transaction_ended'
      readonly committed: boolean
      readonly partitions: number
      readonly records: number
      readonly bytes: number
      readonly stagedBytes: number
      readonly durationMs: number
      /** Why it was aborted; null where it was not. */
      readonly error: string | null
    }
  /** The broker does not take an output that a transaction had; `to`: where it is now, null where it is tried again. */
  | {
      readonly type: 'output_refused'
      readonly at: TopicPartition
      readonly offset: number
      readonly id: string
      readonly to: string | null
      readonly error: string
    }
  /** Commit metadata of another format, another place, or damaged: ignored, plain watermark. */
  | { readonly type: 'metadata_ignored'; readonly at: TopicPartition; readonly reason: string }
  | { readonly type: 'assigned'; readonly assignments: readonly Assignment[] }
  | {
      readonly type: 'revoked'
      readonly assignments: readonly Assignment[]
      readonly lost: boolean
      readonly drained: boolean
      readonly durationMs: number
    }
  | { readonly type: 'paused'; readonly at: TopicPartition; readonly reason: string }
  | { readonly type: 'resumed'; readonly at: TopicPartition; readonly reason: string }
  | { readonly type: 'held'; readonly at: TopicPartition; readonly hold: Hold }
  | { readonly type: 'hold_lifted'; readonly at: TopicPartition; readonly hold: Hold }
  /** The log no longer holds these offsets (`from` inclusive, `to` exclusive): they can never be processed. */
  | { readonly type: 'expired'; readonly at: TopicPartition; readonly from: number; readonly to: number }
  /** A deliver or completion that came after its partition was given up; ignored. */
  | { readonly type: 'late_result'; readonly at: TopicPartition }
  | { readonly type: 'client_error'; readonly error: string; readonly code: string; readonly fatal: boolean }
  | {
      readonly type: 'launcher_started'
      readonly index: number
      /** `native` or `node`. */
      readonly kind: string
      readonly pid: number
      /** Why it is not a native one; only of the first. */
      readonly reason?: string
    }
  | { readonly type: 'launcher_lost'; readonly index: number; readonly tasks: number }
  /**
   * A persistent process is gone. `why`: it was replaced or not needed (tasks, age, memory, program-changed, idle, surplus, stop),
   * one of its tasks was ended (task), or something is wrong (died, closed, protocol, not-ready, launcher-lost). `fault`: the latter.
   */
  | {
      readonly type: 'pool_process_ended'
      readonly program: string
      readonly pid: number | null
      readonly why: string
      readonly fault: boolean
      /** Tasks that it was given in its life, and those that it had at its end. */
      readonly tasks: number
      readonly inFlight: number
      readonly ageMs: number
      /** What happened, and the last words on stderr; empty where nothing is wrong. */
      readonly detail: string
    }
  /** An operator asked for something; `by` says who, `ok` whether it was done. */
  | {
      readonly type: 'control'
      readonly verb: 'cancel' | 'set' | 'pause' | 'resume'
      readonly by: string
      readonly what: string
      readonly ok: boolean
      readonly said: string
    }
  /** A partition has not moved for so long, and why; again each time that it has lasted twice as long, and when it moves. */
  | {
      readonly type: 'standstill'
      readonly at: TopicPartition
      readonly forMs: number
      /** The first reason, short and stable: `held`, `run`, … */
      readonly kind: string
      readonly why: string
      readonly over: boolean
    }
  /** A run takes longer than `executor.slow_task_seconds`; told once for each run. */
  | {
      readonly type: 'task_slow'
      readonly task: Task
      readonly slot: number | null
      readonly pid: number | null
      readonly forMs: number
    }
  | { readonly type: 'periodic_run'; readonly name: string; readonly durationMs: number; readonly error: unknown }
  | { readonly type: 'hook_blocked'; readonly hook: string; readonly seconds: number }
  | { readonly type: 'drain_timeout'; readonly at: TopicPartition; readonly unfinished: number }
  | {
      readonly type: 'lifecycle'
      readonly phase: 'starting' | 'ready' | 'stopping' | 'stopped'
      readonly detail?: string
    }

export type EventOf<Type extends WorkerEvent['type']> = Extract<WorkerEvent, { type: Type }>

/** Announces an event. Never throws and never blocks: a listener that fails is dropped and logged. */
export type Announce = (event: WorkerEvent) => void
