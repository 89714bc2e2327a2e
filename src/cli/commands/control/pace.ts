import type { WorkerStatus } from '../../../ops/control/index.ts'
import { lagOf } from './show.ts'

/** A status with what happened since the look before it. */
export interface Paced {
  readonly status: WorkerStatus
  /** Growth of the lag, messages a second; undefined where it cannot be known, as after a rebalance. */
  readonly lagPerSecond?: number
}

/** Rates since the look before, by the worker's own clock. Without one, or of another process: those that it tells. */
export function paced(before: WorkerStatus | null, now: WorkerStatus): Paced {
  if (before === null || before.pid !== now.pid || now.uptimeMs <= before.uptimeMs) return { status: now }
  const seconds = (now.uptimeMs - before.uptimeMs) / 1000
  const rate = (what: keyof WorkerStatus['counts']): number => (now.counts[what] - before.counts[what]) / seconds
  const rates = {
    seconds: Math.round(seconds * 10) / 10,
    messages: rate('messages'),
    tasks: rate('tasks'),
    failed: rate('failed'),
  }
  const status = { ...now, rates }
  const lags = [lagOf(before.view), lagOf(now.view)]
  const [then, later] = lags
  if (then == null || later == null || assigned(before) !== assigned(now)) return { status }
  return { status, lagPerSecond: (later - then) / seconds }
}

const assigned = ({ view }: WorkerStatus): string =>
  view.partitions.map(({ topic, partition, epoch }) => `${topic}/${partition}/${epoch}`).join()
