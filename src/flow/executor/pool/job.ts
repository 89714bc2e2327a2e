import type { Outcome, PartialOutput, Task } from '../../../model/index.ts'
import type { CancelSignal } from '../cancellation.ts'
import type { PoolProcess } from './pool-process.ts'
import { Violation } from './rules.ts'

/** What a task needs of its process: any; one in which it runs alone; or a new one, alone. */
export type Need = 'any' | 'alone' | 'fresh'

/** One task on its way through the pool. */
export class Job {
  readonly task: Task
  readonly timeoutMs: number
  process: PoolProcess<Job> | null = null
  /** Under which number its process was asked. */
  id = 0
  sentAt = 0
  /** When its process last said something of it. */
  lastSign = 0
  /** Why it is being ended by us. */
  ending: 'timeout' | 'no-progress' | 'cancelled' | null = null
  /** When its process is ended, if it does not answer a `cancel` before. */
  killAt = Number.POSITIVE_INFINITY
  need: Need = 'any'
  /** It ran again after a process broke the protocol. */
  retried = false
  /** How often its process ended for what other tasks did. */
  resent = 0
  partials: PartialOutput[] | null = null
  /** Partial results were more than the cap. */
  cut = false
  readonly #signal: CancelSignal
  readonly #started: ((pid?: number) => void) | undefined
  readonly #resolve: (outcome: Outcome) => void
  readonly #cancel: (job: Job) => void
  #partialBytes = 0

  constructor(
    task: Task,
    timeoutMs: number,
    signal: CancelSignal,
    started: ((pid?: number) => void) | undefined,
    resolve: (outcome: Outcome) => void,
    cancel: (job: Job) => void,
  ) {
    this.task = task
    this.timeoutMs = timeoutMs
    this.#signal = signal
    this.#started = started
    this.#resolve = resolve
    this.#cancel = cancel
    signal.addEventListener('abort', this)
  }

  /** The signal's listener: cheaper than a closure for each task. */
  handleEvent(): void {
    this.#cancel(this)
  }

  give(process: PoolProcess<Job>, now: number): void {
    this.process = process
    this.sentAt = now
    this.lastSign = now
    this.partials = null
    this.cut = false
    this.#partialBytes = 0
    if (this.need !== 'any') process.exclusive = true
    this.id = process.give(this, this.task)
    this.#started?.(process.pid)
  }

  /** Keeps a partial result; throws a `Violation` where its place is taken. */
  keep(index: number, stdout: Buffer, maxBytes: number): void {
    this.partials ??= []
    if (this.partials.some((partial) => partial.index === index)) {
      throw new Violation('once', `gave partial result ${index} of request ${this.id} again`)
    }
    this.#partialBytes += stdout.length
    if (maxBytes > 0 && this.#partialBytes > maxBytes) this.cut = true
    else this.partials.push({ index, stdout })
  }

  finish(outcome: Outcome): void {
    this.#signal.removeEventListener('abort', this)
    this.process = null
    this.#resolve(outcome)
  }

  /** When it has to be looked at again, on the monotonic clock. */
  dueAt(noProgressMs: number): number {
    if (this.ending !== null) return this.killAt
    const timeout = this.timeoutMs > 0 ? this.sentAt + this.timeoutMs : Number.POSITIVE_INFINITY
    return noProgressMs > 0 ? Math.min(timeout, this.lastSign + noProgressMs) : timeout
  }
}
