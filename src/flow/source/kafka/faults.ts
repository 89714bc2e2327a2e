import type { Clock } from '../../../lib/index.ts'
import { type Announce, DrakkarError, reasonOf } from '../../../model/index.ts'
import { DriverError } from './driver.ts'

/** An error of one code is announced once in this time. */
const QUIET_MS = 10_000

/** Announces what goes wrong in the client, without repeating itself, and ends the source where it cannot go on. */
export class Faults {
  readonly #clock: Clock
  readonly #announce: Announce
  readonly #failed: (error: Error) => void
  readonly #seen = new Map<string, { at: number; silenced: number }>()
  #ended = false

  constructor(of: { clock: Clock; announce: Announce; failed: (error: Error) => void }) {
    this.#clock = of.clock
    this.#announce = of.announce
    this.#failed = of.failed
  }

  /** The client or a call of it failed. */
  report(error: unknown): void {
    const fatal = error instanceof DriverError && error.fatal
    const code = error instanceof DriverError ? error.code : 'UNEXPECTED'
    const now = this.#clock.monotonic()
    const seen = this.#seen.get(code)
    if (seen === undefined || fatal || now - seen.at >= QUIET_MS) {
      const more = seen?.silenced ? ` (and ${seen.silenced} more of this kind since the last report)` : ''
      this.#seen.set(code, { at: now, silenced: 0 })
      this.#announce({ type: 'client_error', error: reasonOf(error) + more, code, fatal })
    } else {
      seen.silenced += 1
    }
    if (fatal) this.fail(error)
  }

  /** The source cannot go on. The first reason counts. */
  fail(cause: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#failed(
      cause instanceof DrakkarError
        ? cause
        : new DrakkarError('CLIENT_FATAL', `the Kafka source cannot go on: ${reasonOf(cause)}`, {
            cause,
            advice:
              'The worker ends so that its partitions go to others. Start it again; where it ends again, see the cause.',
          }),
    )
  }
}
