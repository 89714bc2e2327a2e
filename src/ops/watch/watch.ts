import type { Clock, Timer } from '../../lib/index.ts'
import { type Announce, type RunView, type Task, type WorkerView, whyOf } from '../../model/index.ts'
import { Standstills } from './standstills.ts'

export interface WatchOptions {
  readonly view: () => WorkerView
  readonly runs: () => readonly RunView[]
  readonly announce: Announce
  readonly clock: Clock
  /** A partition that has not moved for so long is told, milliseconds; 0 = never. */
  readonly standstillMs: number
  /** A run that takes longer is told once, milliseconds; 0 = never. */
  readonly slowMs: number
}

/** Looks once a second, between `start` and `stop`. */
export interface Watch {
  start(): void
  /** Twice is fine. */
  stop(): void
}

const LOOK_MS = 1000

export function createWatch(options: WatchOptions): Watch {
  const { view, runs, announce, clock, standstillMs, slowMs } = options
  const standstills = new Standstills(standstillMs)
  const told = new WeakMap<Task, number>()
  let timer: Timer | null = null
  const look = (): void => {
    timer = clock.timer(LOOK_MS, look)
    if (standstillMs > 0) {
      const seen = view()
      const now = clock.monotonic()
      for (const { at, forMs, over } of standstills.look(seen, now)) {
        const { kind, text: why } = whyOf(seen, at)
        const { topic, partition } = at
        announce({ type: 'standstill', at: { topic, partition }, forMs, kind, why, over })
      }
    }
    if (slowMs <= 0) return
    for (const { task, attempt, slot, pid, forMs } of runs()) {
      if (forMs < slowMs || told.get(task) === attempt) continue
      told.set(task, attempt)
      announce({ type: 'task_slow', task, slot, pid, forMs })
    }
  }
  return {
    start() {
      timer ??= clock.timer(LOOK_MS, look)
    },
    stop() {
      timer?.cancel()
      timer = null
    },
  }
}
