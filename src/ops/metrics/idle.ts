import type { WorkerView } from '../../model/index.ts'

/** What a moment of the worker adds to the two counters of idleness. */
export interface Idle {
  /** Slots without a run × seconds, while messages wait in queues. */
  readonly slotSeconds: number
  /** Seconds with nothing to do, nothing paused and nothing held. */
  readonly consumerSeconds: number
}

/** Judges one look at the worker that stands for the last `seconds`. */
export function idleOf(view: WorkerView, seconds: number): Idle {
  if (view.phase !== 'ready' || view.partitions.length === 0) return { slotSeconds: 0, consumerSeconds: 0 }
  const { executor, partitions } = view
  const waiting = executor.waiting > 0 || partitions.some((at) => at.queued > 0)
  const resting = partitions.every((at) => at.inFlight === 0 && at.paused.length === 0 && at.holds.length === 0)
  return {
    slotSeconds: waiting ? Math.max(0, executor.slots - executor.running) * seconds : 0,
    consumerSeconds: resting ? seconds : 0,
  }
}
