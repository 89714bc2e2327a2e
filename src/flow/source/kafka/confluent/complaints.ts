import { DriverError } from '../driver.ts'
import type { RdLog } from './client-types.ts'
import { CODE, fromClient } from './errors.ts'
import { type Journal, readable } from './journal.ts'

export interface ComplaintsOptions {
  readonly groupId: string
  readonly journal: Journal
  readonly tell: (error: DriverError) => void
}

/** What the client complains of, on its way to who uses the consumer: a fatal error once, and with the reason. */
export class Complaints {
  readonly #options: ComplaintsOptions
  #fatal = false
  #silent = false

  constructor(options: ComplaintsOptions) {
    this.#options = options
  }

  /** The log line of a fatal error is the only place that says why; the error itself can be lost behind records. */
  log(log: RdLog): void {
    this.#options.journal.note(log)
    if (log.fac === 'FATAL') this.report(this.#fatalError(readable(log.message)))
  }

  /** An error event, or what a poll failed with. */
  error(error: { readonly message: string; readonly code: number }): void {
    if (error.code !== CODE.fatal) {
      this.report(fromClient(error, this.#where))
      return
    }
    // Its log line was written first and says why; it reaches us by another way, a turn or two later.
    setImmediate(() => setImmediate(() => this.report(this.#fatalError(error.message))))
  }

  /** A fatal error is told once, however many ways it comes. */
  report(error: DriverError): void {
    if (this.#silent || (error.fatal && this.#fatal)) return
    this.#fatal ||= error.fatal
    this.#options.tell(error)
  }

  /** It is being closed: nothing matters any more. */
  silence(): void {
    this.#silent = true
  }

  get #where(): string {
    return `consumer group ${this.#options.groupId}`
  }

  #fatalError(why: string): DriverError {
    return new DriverError(`${this.#where}: ${why}`, { code: 'ERR__FATAL', errno: CODE.fatal, fatal: true })
  }
}
