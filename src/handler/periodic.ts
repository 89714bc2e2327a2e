import { type Clock, sleep } from '../lib/index.ts'
import type { Announce, Handler } from '../model/index.ts'
import type { Hooks } from './hooks.ts'

/** Runs the handler's periodic work beside the messages until `signal` aborts: waits first, never overlaps itself. */
export function startPeriodic(
  handler: Handler,
  hooks: Hooks,
  parts: { clock: Clock; announce: Announce },
  signal: AbortSignal,
): Promise<void> {
  const runs = Object.entries(handler.periodic ?? {}).map(async ([name, { everySeconds, onError }]) => {
    for (;;) {
      await sleep(parts.clock, everySeconds * 1000, signal)
      if (signal.aborted) return
      const startedAt = parts.clock.monotonic()
      const error = await failureOf(hooks.periodic(name, signal))
      parts.announce({ type: 'periodic_run', name, durationMs: parts.clock.monotonic() - startedAt, error })
      if (error !== undefined && onError === 'stop') return
    }
  })
  return Promise.all(runs).then(() => undefined)
}

async function failureOf(run: Promise<void>): Promise<unknown> {
  try {
    await run
    return undefined
  } catch (error) {
    return error ?? new Error('the run failed without a reason')
  }
}
