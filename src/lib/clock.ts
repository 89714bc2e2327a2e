/** A pending timer; cancelling one that already fired does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * The only source of time in the flow. Real in production, virtual in simulation, so that a whole history of a worker
 * can be replayed from a seed.
 */
export interface Clock {
  /** Wall time, milliseconds since the epoch. */
  now(): number
  /** Milliseconds since an arbitrary start; never goes back. Use it for durations and deadlines. */
  monotonic(): number
  /** Calls `run` once, `ms` milliseconds from now by `monotonic`, or later; never earlier. */
  timer(ms: number, run: () => void): Timer
}

/** Node fires a longer one at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** The clock of the machine. A timer keeps the process alive unless `unref` was asked for. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, run) {
    const due = performance.now() + ms
    const wait = (left: number): NodeJS.Timeout =>
      setTimeout(
        () => {
          // Node counts whole milliseconds and can be early by a part of one: a deadline would still be in the future then.
          const more = due - performance.now()
          if (more > 0) handle = wait(more)
          else run()
        },
        Math.min(left, LONGEST_TIMEOUT_MS),
      )
    let handle = wait(ms)
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Resolves after `ms`, or at once when `signal` aborts; it never rejects, so callers check the signal themselves. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = clock.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    const onAbort = (): void => {
      timer.cancel()
      resolve()
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
