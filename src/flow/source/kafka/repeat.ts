import { type BackoffOptions, backoffMs, type Clock, type Random, sleep } from '../../../lib/index.ts'

/** How the source waits between repeats of a failed call. */
export const REPEAT: BackoffOptions = { initialMs: 100, maxMs: 5000 }

/** Calls until it works. Undefined where the signal aborted first; the last error is thrown after `attempts`. */
export async function untilItWorks<T>(
  call: () => Promise<T>,
  of: {
    readonly clock: Clock
    readonly random: Random
    readonly signal: AbortSignal
    readonly failed: (error: unknown) => void
    readonly attempts?: number
  },
): Promise<T | undefined> {
  for (let attempt = 1; !of.signal.aborted; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      if (attempt >= (of.attempts ?? Number.POSITIVE_INFINITY)) throw error
      of.failed(error)
      await sleep(of.clock, backoffMs(attempt, REPEAT, of.random), of.signal)
    }
  }
  return undefined
}

/** Resolves with true when the promise resolves, with false when the time is up first; what it rejects with comes out. */
export async function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<boolean> {
  const settled = new AbortController()
  const late = sleep(clock, Math.max(0, ms), settled.signal).then(() => false)
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    settled.abort()
  }
}
