import type { HookName } from './events.ts'
import type { Hold } from './hold.ts'
import type { TopicPartition } from './message.ts'
import type { Task } from './task.ts'

/** What the oldest unfinished message of a partition waits for now. `forMs`: how long already. */
export type Waiting =
  /** For messages before it that `arrange` has now. */
  | { readonly kind: 'queue'; readonly forMs: number }
  /** For a hook to answer; also `decode` and `input`. */
  | { readonly kind: 'hook'; readonly hook: HookName; readonly taskId?: string; readonly forMs: number }
  /** For a slot. */
  | { readonly kind: 'gate'; readonly taskId: string; readonly forMs: number }
  /** For its program or function. */
  | {
      readonly kind: 'run'
      readonly taskId: string
      readonly pid: number | null
      readonly slot: number | null
      readonly attempt: number
      readonly forMs: number
    }
  /** For the next try of a task that failed. */
  | {
      readonly kind: 'retry'
      readonly taskId: string
      readonly attempt: number
      readonly dueMs: number
      readonly forMs: number
    }
  /** For sinks to acknowledge. */
  | { readonly kind: 'delivery'; readonly sinks: readonly string[]; readonly forMs: number }
  | { readonly kind: 'dead-letter'; readonly forMs: number }
  /** For other messages of its window, before `onWindowComplete`. */
  | { readonly kind: 'window'; readonly others: number; readonly forMs: number }

/** The oldest unfinished message of a partition. */
export interface HeadView {
  readonly offset: number
  /** Since it was taken in, milliseconds. */
  readonly ageMs: number
  readonly waits: Waiting
}

/** What the worker shows of one partition to whoever looks. */
export interface PartitionView extends TopicPartition {
  readonly epoch: number
  /** Messages taken in and not yet ended. */
  readonly inFlight: number
  /** Of those, the ones that no window has taken yet. */
  readonly queued: number
  readonly bytes: number
  /** First unfinished offset, or the next one to come. */
  readonly position: number
  /** Last acknowledged commit; null before the first. */
  readonly committed: number | null
  readonly paused: readonly string[]
  readonly holds: readonly Hold[]
  /** Null where nothing is in flight. */
  readonly head: HeadView | null
  /** Why the last commit was not taken, and for how long none has been; null where they are. */
  readonly commitFailure: { readonly error: string; readonly forMs: number } | null
  /** False until the broker acknowledged that the partition is ours: nothing is handed on before. */
  readonly claimed: boolean
  /** The offset after the log's last, as the source heard last; null where it cannot tell. */
  readonly end: number | null
  /** Since its last records came, milliseconds; null before the first. */
  readonly lastFetchMs: number | null
}

/** A run that is under way. */
export interface RunView extends TopicPartition {
  readonly task: Task
  readonly attempt: number
  readonly slot: number | null
  /** Null where there is none, or it is not known yet. */
  readonly pid: number | null
  readonly forMs: number
}

/** What the worker shows of its slots, and of what stands ready to fill them. */
export interface ExecutorView {
  readonly slots: number
  readonly running: number
  readonly waiting: number
  readonly kept: readonly KeptView[]
}

/** What a runner keeps from one task to the next: persistent processes, or threads. */
export interface KeptView {
  readonly runner: 'pool' | 'function'
  readonly what: 'processes' | 'threads'
  /** They take tasks, or are being started. */
  readonly live: number
  /** They take no task more, and go when theirs are answered. */
  readonly leaving: number
  /** How many there may be. */
  readonly most: number
  /** True where the configuration names the number; else it follows the slots. */
  readonly configured: boolean
}

/** A read-only picture of the worker, taken when asked for. */
export interface WorkerView {
  readonly phase: 'starting' | 'ready' | 'stopping' | 'stopped'
  readonly workerId: string
  /** Reasons, besides its phase, why the worker is not ready; empty where there are none. */
  readonly notReady: readonly string[]
  readonly partitions: readonly PartitionView[]
  readonly executor: ExecutorView
  readonly sinks: readonly SinkView[]
  /** For how long no broker of the source has been connected, milliseconds; null where one is, or it cannot be known. */
  readonly brokersAwayMs: number | null
}

/** What the worker shows of one sink. */
export interface SinkView {
  readonly kind: string
  readonly name: string
  readonly connected: boolean
  /** Records without a verdict. */
  readonly pending: number
}

/** Ready means: said so, and nothing speaks against it. */
export function isReady(view: WorkerView): boolean {
  return view.phase === 'ready' && view.notReady.length === 0
}
