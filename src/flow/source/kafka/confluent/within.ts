import { type Clock, sleep } from '../../../../lib/index.ts'

/** True when `what` has settled within `ms`; a timer that is no longer needed does not keep the process alive. */
export async function within(clock: Clock, ms: number, what: Promise<unknown>): Promise<boolean> {
  const patience = new AbortController()
  const over = sleep(clock, ms, patience.signal).then(() => false)
  const settled = what.then(
    () => true,
    () => true,
  )
  try {
    return await Promise.race([settled, over])
  } finally {
    patience.abort()
  }
}
