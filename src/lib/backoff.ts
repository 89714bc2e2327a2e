import type { Random } from './random.ts'

/** How waits grow between attempts. */
export interface BackoffOptions {
  /** Wait before the first repeat, milliseconds. */
  readonly initialMs: number
  /** No wait is longer than this, milliseconds (before jitter is taken off). */
  readonly maxMs: number
  /** Growth per attempt. Default 2. */
  readonly factor?: number
  /** Share of the wait that chance may take off, 0 to 1. Default 0.5 ("equal jitter"). */
  readonly jitter?: number
}

/** The wait before repeat number `attempt` (1 = the first repeat), in milliseconds. */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random): number {
  const grown = options.initialMs * (options.factor ?? 2) ** Math.min(attempt - 1, 30)
  const capped = Math.min(options.maxMs, grown)
  return capped * (1 - (options.jitter ?? 0.5) * random())
}
