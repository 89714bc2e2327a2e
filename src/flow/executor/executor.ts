import type { Clock, Random } from '../../lib/index.ts'
import {
  type Announce,
  type Holds,
  type KeptView,
  type Outcome,
  type RunView,
  reasonOf,
  type Task,
} from '../../model/index.ts'
import { Cancellation } from './cancellation.ts'
import { Entry, KnownRun, WITHDRAWN } from './entry.ts'
import { Gate } from './gate.ts'
import { LAUNCH_RETRY, LaunchBlocks, type LaunchRetry } from './launch-blocks.ts'
import { launchFault } from './launch-fault.ts'
import { judgedExit, OK_EXIT_CODES } from './ok-exit.ts'
import { precomputedOutcome } from './precomputed.ts'
import type { Executor, Run, Runner, SubmitOptions } from './runner.ts'

export interface ExecutorOptions {
  readonly runner: Runner
  /** How many tasks run at once. */
  readonly slots: number
  readonly holds: Holds
  readonly announce: Announce
  readonly clock: Clock
  readonly random: Random
  /** Program of tasks that name none: where it cannot be launched, no task is to blame. */
  readonly defaultBinary: string | null
  /** Exit codes that count as success; a task's own list wins. Default 0 alone. */
  readonly okExitCodes?: readonly number[]
  readonly launchRetry?: Partial<LaunchRetry>
}

/** An executor as it is built. */
export type ResizableExecutor = Executor

export function createExecutor(options: ExecutorOptions): Executor {
  return new PoolExecutor(options)
}

class PoolExecutor implements Executor {
  readonly #runner: Runner
  readonly #announce: Announce
  readonly #clock: Clock
  readonly #defaultProgram: string
  readonly #okExitCodes: readonly number[]
  readonly #gate: Gate<Entry>
  readonly #blocks: LaunchBlocks<Entry>
  readonly #entries: Set<Entry> = new Set()
  #seq = 0
  #ended = false
  #stopping: Promise<void> | null = null

  constructor(options: ExecutorOptions) {
    this.#runner = options.runner
    this.#announce = options.announce
    this.#clock = options.clock
    this.#defaultProgram = options.defaultBinary ?? ''
    this.#okExitCodes = options.okExitCodes ?? OK_EXIT_CODES
    this.#gate = new Gate<Entry>(options.slots)
    this.#blocks = new LaunchBlocks<Entry>({
      retry: { ...LAUNCH_RETRY, ...options.launchRetry },
      defaultProgram: this.#defaultProgram,
      holds: options.holds,
      clock: options.clock,
      random: options.random,
      enqueue: (entry) => this.#enqueue(entry),
    })
  }

  get slots(): number {
    return this.#gate.slots
  }

  get running(): number {
    return this.#gate.running
  }

  get waiting(): number {
    return this.#entries.size - this.#gate.running
  }

  start(): Promise<void> {
    return this.#runner.start()
  }

  setSlots(slots: number): void {
    this.#gate.setSlots(slots)
    this.#runner.setSlots?.(slots)
    this.#pump()
  }

  kept(): readonly KeptView[] {
    return this.#runner.kept?.() ?? []
  }

  active(): readonly RunView[] {
    const now = this.#clock.monotonic()
    const runs: RunView[] = []
    for (const entry of this.#entries) if (entry.state === 'running') runs.push(entry.view(now))
    return runs
  }

  cancelTask(id: string): boolean {
    for (const entry of this.#entries) {
      if (entry.task.id !== id) continue
      if (entry.state === 'running') entry.cancel()
      else this.#neverStart(entry)
      return true
    }
    return false
  }

  submit(task: Task, options: SubmitOptions): Run {
    if (this.#ended) return WITHDRAWN
    if (task.precomputed !== undefined) return this.#answerPrecomputed(task, options.attempt)
    const entry = new Entry(this, task, options, this.#programOf(task), this.#seq, this.#clock.monotonic())
    this.#seq += 1
    this.#entries.add(entry)
    this.#enqueue(entry)
    this.#pump()
    return entry
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  withdraw(entry: Entry): boolean {
    if (entry.state !== 'waiting') return false
    if (entry.ticket !== null) this.#gate.withdraw(entry.ticket)
    this.#settle(entry, null)
    this.#pump()
    return true
  }

  #programOf(task: Task): string | null {
    const runner = this.#runner
    return runner.programOf === undefined ? (task.binary ?? this.#defaultProgram) : runner.programOf(task)
  }

  #neverStart(entry: Entry): void {
    if (entry.ticket !== null) this.#gate.withdraw(entry.ticket)
    this.#settle(entry, cancelledOutcome())
    this.#pump()
  }

  #answerPrecomputed(task: Task, attempt: number): Run {
    const outcome = judgedExit(precomputedOutcome(task.precomputed ?? {}), task, this.#okExitCodes)
    this.#announce({ type: 'task_started', task, slot: null, attempt, queueWaitMs: 0 })
    this.#announceFinished(task, null, attempt, outcome)
    return new KnownRun(outcome)
  }

  #enqueue(entry: Entry): void {
    entry.ticket = this.#gate.enter(entry, entry.priority, entry.seq)
    // From a timer (a probe) nobody else pumps; within #pump it is a step of its loop.
    if (entry.probe) this.#pump()
  }

  #pump(): void {
    if (this.#ended) return
    for (let next = this.#gate.admit(); next !== null; next = this.#gate.admit()) {
      const { item: entry, slot } = next
      entry.ticket = null
      const block = this.#blocks.before(entry)
      if (block === null) {
        this.#run(entry, slot)
      } else {
        this.#gate.release(slot)
        this.#blocks.park(entry, block)
      }
    }
  }

  #run(entry: Entry, slot: number): void {
    entry.state = 'running'
    entry.launched = false
    entry.slot = slot
    entry.pid = null
    entry.launchedAt = this.#clock.monotonic()
    const cancellation = new Cancellation()
    entry.cancellation = cancellation
    const queueWaitMs = entry.launchedAt - entry.submittedAt
    this.#announce({ type: 'task_started', task: entry.task, slot, attempt: entry.attempt, queueWaitMs })
    this.#runner
      .run(entry.task, cancellation, (pid) => this.#onLaunched(entry, pid))
      .then(
        (outcome) => this.#onEnd(entry, slot, outcome),
        (error: unknown) => this.#onEnd(entry, slot, brokenRunner(error)),
      )
  }

  #onLaunched(entry: Entry, pid?: number): void {
    if (pid !== undefined) entry.pid = pid
    if (entry.launched || entry.state !== 'running') return
    entry.launched = true
    this.#blocks.launched(entry)
    this.#pump()
  }

  #onEnd(entry: Entry, slot: number, raw: Outcome): void {
    const outcome: Outcome =
      entry.cancelled && launchFault(raw) !== null
        ? { ...raw, verdict: 'cancelled' }
        : judgedExit(raw, entry.task, this.#okExitCodes)
    this.#gate.release(slot)
    entry.cancellation = null
    this.#announceFinished(entry.task, slot, entry.attempt, outcome)
    if (hasRun(outcome)) this.#onLaunched(entry)
    entry.state = 'waiting'
    if (this.#ended || !this.#blocks.absorb(entry, outcome)) this.#settle(entry, outcome)
    this.#pump()
  }

  #settle(entry: Entry, outcome: Outcome | null): void {
    entry.state = 'ended'
    this.#entries.delete(entry)
    this.#blocks.leave(entry)
    entry.answer.resolve(outcome)
  }

  #announceFinished(task: Task, slot: number | null, attempt: number, outcome: Outcome): void {
    this.#announce({ type: 'task_finished', task, slot, attempt, outcome, failed: outcome.verdict !== 'ok' })
  }

  async #stop(): Promise<void> {
    this.#ended = true
    const answers: Promise<Outcome | null>[] = []
    for (const entry of this.#entries) {
      answers.push(entry.outcome)
      entry.cancel()
    }
    await Promise.all(answers)
    await this.#runner.stop()
  }
}

/** True where the outcome proves that the program was launched. */
function hasRun(outcome: Outcome): boolean {
  return outcome.pid !== null || !['launch-failed', 'cancelled', 'host-lost'].includes(outcome.verdict)
}

function brokenRunner(error: unknown): Outcome {
  return withoutRun('host-lost', `The runner failed: ${reasonOf(error)}`)
}

function cancelledOutcome(): Outcome {
  return withoutRun('cancelled', 'The task was cancelled on request before it started.')
}

function withoutRun(verdict: Outcome['verdict'], message: string): Outcome {
  const nothing = Buffer.alloc(0)
  return {
    verdict,
    exitCode: null,
    signal: null,
    stdout: nothing,
    stderr: nothing,
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: null,
    wallMs: 0,
    message,
  }
}
