import type { Hold } from './hold.ts'
import type { TopicPartition } from './message.ts'

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
}

/** A read-only picture of the worker, taken when asked for. */
export interface WorkerView {
  readonly phase: 'starting' | 'ready' | 'stopping' | 'stopped'
  readonly workerId: string
  /** Reasons, besides its phase, why the worker is not ready; empty where there are none. */
  readonly notReady: readonly string[]
  readonly partitions: readonly PartitionView[]
  readonly executor: { readonly slots: number; readonly running: number; readonly waiting: number }
  readonly sinks: readonly {
    readonly kind: string
    readonly name: string
    readonly connected: boolean
    readonly pending: number
  }[]
}

/** Ready means: said so, and nothing speaks against it. */
export function isReady(view: WorkerView): boolean {
  return view.phase === 'ready' && view.notReady.length === 0
}
