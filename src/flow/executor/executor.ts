import { type Clock, type Deferred, deferred, type Random } from '../../lib/index.ts'
import { type Announce, type Assignment, type Holds, type Outcome, reasonOf, type Task } from '../../model/index.ts'
import { Gate, type Priority, type Ticket } from './gate.ts'
import type { LaunchBlock } from './launch-block.ts'
import { LAUNCH_RETRY, type Launchable, LaunchBlocks, type LaunchRetry } from './launch-blocks.ts'
import { launchFault } from './launch-fault.ts'
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
  readonly launchRetry?: Partial<LaunchRetry>
}

/** An executor whose width can be changed while it runs. */
export interface ResizableExecutor extends Executor {
  /** Takes effect at once; what runs above a smaller number runs to its end. Throws below 1. */
  setSlots(slots: number): void
}

export function createExecutor(options: ExecutorOptions): ResizableExecutor {
  return new PoolExecutor(options)
}

/** One task on its way; also the `Run` that its submitter holds. */
class Entry implements Run, Launchable<Entry> {
  state: Run['state'] = 'waiting'
  parked = false
  probe = false
  block: LaunchBlock<Entry> | null = null
  ticket: Ticket<Entry> | null = null
  abort: AbortController | null = null
  cancelled = false
  launched = false
  launchedAt = 0
  readonly task: Task
  readonly program: string | null
  readonly assignment: Assignment
  readonly priority: Priority
  readonly attempt: number
  readonly seq: number
  readonly submittedAt: number
  readonly answer: Deferred<Outcome | null> = deferred<Outcome | null>()
  readonly #owner: PoolExecutor

  constructor(
    owner: PoolExecutor,
    task: Task,
    options: SubmitOptions,
    program: string | null,
    seq: number,
    now: number,
  ) {
    this.#owner = owner
    this.task = task
    this.program = program
    this.assignment = options.assignment
    this.priority = options.priority
    this.attempt = options.attempt
    this.seq = seq
    this.submittedAt = now
  }

  get outcome(): Promise<Outcome | null> {
    return this.answer.promise
  }

  withdraw(): boolean {
    return this.#owner.withdraw(this)
  }

  cancel(): void {
    if (this.state === 'waiting') this.#owner.withdraw(this)
    else if (this.state === 'running') {
      this.cancelled = true
      this.abort?.abort()
    }
  }
}

class PoolExecutor implements ResizableExecutor {
  readonly #runner: Runner
  readonly #announce: Announce
  readonly #clock: Clock
  readonly #defaultProgram: string
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
    this.#pump()
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

  #answerPrecomputed(task: Task, attempt: number): Run {
    const outcome = precomputedOutcome(task.precomputed ?? {})
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
    entry.launchedAt = this.#clock.monotonic()
    const abort = new AbortController()
    entry.abort = abort
    const queueWaitMs = entry.launchedAt - entry.submittedAt
    this.#announce({ type: 'task_started', task: entry.task, slot, attempt: entry.attempt, queueWaitMs })
    this.#runner
      .run(entry.task, abort.signal, () => this.#onLaunched(entry))
      .then(
        (outcome) => this.#onEnd(entry, slot, outcome),
        (error: unknown) => this.#onEnd(entry, slot, brokenRunner(error)),
      )
  }

  #onLaunched(entry: Entry): void {
    if (entry.launched || entry.state !== 'running') return
    entry.launched = true
    this.#blocks.launched(entry)
    this.#pump()
  }

  #onEnd(entry: Entry, slot: number, raw: Outcome): void {
    const outcome: Outcome = entry.cancelled && launchFault(raw) !== null ? { ...raw, verdict: 'cancelled' } : raw
    this.#gate.release(slot)
    entry.abort = null
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

const WITHDRAWN: Run = {
  state: 'ended',
  outcome: Promise.resolve(null),
  withdraw: () => false,
  cancel: () => undefined,
}

/** A run that was over before it began. */
class KnownRun implements Run {
  readonly state = 'ended'
  readonly known: Outcome

  constructor(known: Outcome) {
    this.known = known
  }

  get outcome(): Promise<Outcome> {
    return Promise.resolve(this.known)
  }

  withdraw(): boolean {
    return false
  }

  cancel(): void {}
}

/** True where the outcome proves that the program was launched. */
function hasRun(outcome: Outcome): boolean {
  return outcome.pid !== null || !['launch-failed', 'cancelled', 'host-lost'].includes(outcome.verdict)
}

function brokenRunner(error: unknown): Outcome {
  const nothing = Buffer.alloc(0)
  return {
    verdict: 'host-lost',
    exitCode: null,
    signal: null,
    stdout: nothing,
    stderr: nothing,
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: null,
    wallMs: 0,
    message: `The runner failed: ${reasonOf(error)}`,
  }
}
