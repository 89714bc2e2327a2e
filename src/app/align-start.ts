import type { Config } from '../config/index.ts'
import { type Clock, sleep } from '../lib/index.ts'

/**
 * Where it is asked for: waits at least `startup_min_wait_seconds`, then until the wall clock is a multiple of
 * `startup_align_interval_seconds`, so that a fleet that boots together joins the group in one rebalance.
 */
export async function alignStart(config: Config, clock: Clock, signal: AbortSignal): Promise<void> {
  const { startupAlignEnabled, startupMinWaitSeconds, startupAlignIntervalSeconds } = config.sources.kafka
  if (!startupAlignEnabled) return
  await sleep(
    clock,
    alignedWaitMs(clock.now(), startupMinWaitSeconds * 1000, startupAlignIntervalSeconds * 1000),
    signal,
  )
}

/** Milliseconds from `now` to the first multiple of `intervalMs` that is at least `minimumMs` away. */
export function alignedWaitMs(now: number, minimumMs: number, intervalMs: number): number {
  return Math.ceil((now + minimumMs) / intervalMs) * intervalMs - now
}
