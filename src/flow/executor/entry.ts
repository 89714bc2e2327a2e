import { type Deferred, deferred } from '../../lib/index.ts'
import type { Assignment, Outcome, RunView, Task } from '../../model/index.ts'
import type { Cancellation } from './cancellation.ts'
import type { Priority, Ticket } from './gate.ts'
import type { LaunchBlock } from './launch-block.ts'
import type { Launchable } from './launch-blocks.ts'
import type { Run, SubmitOptions } from './runner.ts'

/** What an entry asks of the executor that has it. */
interface Owner {
  withdraw(entry: Entry): boolean
}

/** One task on its way; also the `Run` that its submitter holds. */
export class Entry implements Run, Launchable<Entry> {
  state: Run['state'] = 'waiting'
  parked = false
  probe = false
  block: LaunchBlock<Entry> | null = null
  ticket: Ticket<Entry> | null = null
  cancellation: Cancellation | null = null
  cancelled = false
  launched = false
  launchedAt = 0
  slot: number | null = null
  pid: number | null = null
  readonly task: Task
  readonly program: string | null
  readonly assignment: Assignment
  readonly priority: Priority
  readonly attempt: number
  readonly seq: number
  readonly submittedAt: number
  readonly answer: Deferred<Outcome | null> = deferred<Outcome | null>()
  readonly #owner: Owner

  constructor(owner: Owner, task: Task, options: SubmitOptions, program: string | null, seq: number, now: number) {
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

  get ownProgram(): boolean {
    return this.task.binary !== undefined
  }

  get since(): number {
    return this.state === 'running' ? this.launchedAt : this.submittedAt
  }

  withdraw(): boolean {
    return this.#owner.withdraw(this)
  }

  cancel(): void {
    if (this.state === 'waiting') this.#owner.withdraw(this)
    else if (this.state === 'running') {
      this.cancelled = true
      this.cancellation?.abort()
    }
  }

  view(now: number): RunView {
    const { topic, partition } = this.assignment
    return {
      task: this.task,
      topic,
      partition,
      attempt: this.attempt,
      slot: this.slot,
      pid: this.pid,
      forMs: now - this.launchedAt,
    }
  }
}

/** Handed out by an executor that has stopped. */
export const WITHDRAWN: Run = {
  state: 'ended',
  outcome: Promise.resolve(null),
  withdraw: () => false,
  cancel: () => undefined,
}

/** A run that was over before it began. */
export class KnownRun implements Run {
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
