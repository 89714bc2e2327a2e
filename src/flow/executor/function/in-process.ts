import type { Clock, Timer } from '../../../lib/index.ts'
import type { Announce, Outcome, Task } from '../../../model/index.ts'
import type { CancelSignal } from '../cancellation.ts'
import type { Runner } from '../runner.ts'
import { answerOf, capsOf, endedOutcome, type OutputCaps, outcomeOfAnswer, threw } from './answer.ts'
import { type EndedBy, endedSentence, Limits } from './limits.ts'

export interface FunctionRunnerOptions extends OutputCaps {
  /** The function. May throw, answer, or answer a promise; `progress` says that it is alive. */
  readonly call: (task: Task, signal: AbortSignal, progress: () => void) => unknown
  readonly clock: Clock
  readonly announce: Announce
  /** Milliseconds; 0 = none. A task's own limit wins. */
  readonly timeoutMs: number
  /** How long a function may still take after its signal aborted, milliseconds. */
  readonly graceMs: number
  /** Longest silence between two calls of `progress`, milliseconds; 0 = any. */
  readonly noProgressMs: number
}

/**
 * A function in the worker's own process is the task: for work that waits, not for work that computes. Nothing can end
 * it from outside: its signal aborts, and what ignores that is given up after the grace and announced.
 */
export class FunctionRunner implements Runner {
  readonly #options: FunctionRunnerOptions
  readonly #calls: Set<Call> = new Set()

  constructor(options: FunctionRunnerOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  programOf(): null {
    return null
  }

  run(task: Task, signal: CancelSignal, started?: () => void): Promise<Outcome> {
    return new Promise((resolve) => {
      const cancel = (): void => call.end('cancelled')
      const call = new Call(task, this.#options, (outcome) => {
        signal.removeEventListener('abort', cancel)
        this.#calls.delete(call)
        resolve(outcome)
      })
      this.#calls.add(call)
      signal.addEventListener('abort', cancel)
      started?.()
      if (signal.aborted) call.end('cancelled')
      call.begin()
    })
  }

  stop(): Promise<void> {
    for (const call of this.#calls) call.end('cancelled')
    return Promise.resolve()
  }
}

/** One call of the function: it answers once, with what came first. */
class Call {
  readonly #task: Task
  readonly #options: FunctionRunnerOptions
  readonly #answer: (outcome: Outcome) => void
  readonly #abort = new AbortController()
  readonly #startedAt: number
  readonly #limits: Limits
  readonly #timeoutMs: number
  readonly #graceMs: number
  readonly #caps: OutputCaps
  #lastSign: number
  #endedBy: EndedBy | null = null
  #grace: Timer | null = null
  #answered = false

  constructor(task: Task, options: FunctionRunnerOptions, answer: (outcome: Outcome) => void) {
    const { clock, noProgressMs } = options
    this.#task = task
    this.#options = options
    this.#answer = answer
    this.#startedAt = clock.monotonic()
    this.#lastSign = this.#startedAt
    this.#timeoutMs = task.timeoutMs ?? options.timeoutMs
    this.#graceMs = task.graceMs ?? options.graceMs
    this.#caps = capsOf(task, options)
    this.#limits = new Limits({
      clock,
      timeoutMs: this.#timeoutMs,
      noProgressMs,
      lastSign: () => this.#lastSign,
      ended: (by) => this.end(by),
    })
  }

  begin(): void {
    if (this.#endedBy !== null) {
      this.#finishEnded('')
      return
    }
    const progress = (): void => {
      this.#lastSign = this.#options.clock.monotonic()
    }
    try {
      const answer = this.#options.call(this.#task, this.#abort.signal, progress)
      if (isThenable(answer)) {
        answer.then(
          (value) => this.#settled(value),
          (error: unknown) => this.#failed(error),
        )
      } else this.#settled(answer)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Ends it from outside: the first reason counts. */
  end(by: EndedBy): void {
    if (this.#answered || this.#endedBy !== null) return
    this.#endedBy = by
    this.#limits.stop()
    // Before the signal: a function that answers its abort at once must find the grace there.
    this.#grace = this.#options.clock.timer(this.#graceMs, () => this.#giveUp())
    this.#abort.abort(new Error(this.#sentence(by)))
  }

  #settled(value: unknown): void {
    if (this.#endedBy !== null) this.#finishEnded('')
    else this.#finish(outcomeOfAnswer(answerOf(value), () => value, this.#caps, this.#wallMs()))
  }

  #failed(error: unknown): void {
    if (this.#endedBy !== null) this.#finishEnded('')
    else this.#finish(outcomeOfAnswer(threw(error), () => undefined, this.#caps, this.#wallMs()))
  }

  #giveUp(): void {
    if (this.#answered) return
    this.#options.announce({ type: 'function_abandoned', task: this.#task, afterMs: this.#wallMs() })
    this.#finishEnded(
      ` It ignored its signal for ${this.#graceMs / 1000} s and was given up: it may still run, and its answer is ignored.`,
    )
  }

  #finishEnded(more: string): void {
    const by = this.#endedBy ?? 'cancelled'
    this.#finish(endedOutcome(by, `${this.#sentence(by)}${more}`, this.#wallMs()))
  }

  #finish(outcome: Outcome): void {
    if (this.#answered) return
    this.#answered = true
    this.#limits.stop()
    this.#grace?.cancel()
    this.#answer(outcome)
  }

  #sentence(by: EndedBy): string {
    return endedSentence(by, this.#timeoutMs, this.#options.noProgressMs)
  }

  #wallMs(): number {
    return this.#options.clock.monotonic() - this.#startedAt
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
