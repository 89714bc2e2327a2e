import type { Assignment, KeptView, Outcome, RunView, Task } from '../../model/index.ts'
import type { CancelSignal } from './cancellation.ts'

/**
 * Runs one task once. One contract for a process per task, a persistent process, a function, and the simulated program:
 * it never rejects for what the program did (that is the outcome's verdict), and when `signal` aborts it ends the run
 * (the whole process group) and answers `cancelled`.
 */
export interface Runner {
  start(): Promise<void>
  /** `started` is called once, when the program runs, with its pid where it has one; a runner that cannot tell never calls it. */
  run(task: Task, signal: CancelSignal, started?: (pid?: number) => void): Promise<Outcome>
  /**
   * What is launched for this task: where that fails, everything that launches the same waits for it. Null: nothing is.
   * Default: the task's `binary`, else the configured one.
   */
  programOf?(task: Task): string | null
  /** So many tasks run at once from now on; what it keeps for them follows where its number is not configured. Default: nothing does. */
  setSlots?(slots: number): void
  /** What it keeps from one task to the next. Default: nothing. */
  kept?(): readonly KeptView[]
  /** Ends whatever still runs. Twice is fine. */
  stop(): Promise<void>
}

/** One task on its way through the gate and a runner. */
export interface Run {
  readonly state: 'waiting' | 'running' | 'ended'
  /** Null where the run was withdrawn before it started. Never rejects. */
  readonly outcome: Promise<Outcome | null>
  /** The outcome, where it is there already when the run is handed out: then there is nothing to wait for. */
  readonly known?: Outcome
  /** The slot and process of a run that is under way; null where there is none, or it is not known. */
  readonly slot?: number | null
  readonly pid?: number | null
  /** When it took its slot, or else came to the gate; on the monotonic clock. */
  readonly since?: number
  /** Takes a task that has not started back from the gate. False where it runs or has ended already. */
  withdraw(): boolean
  /** Ends a run (or withdraws a waiting one); a running one answers `cancelled`. */
  cancel(): void
}

export interface SubmitOptions {
  /** The partition that waits for the task: held where the program cannot be launched at all. */
  readonly assignment: Assignment
  /** Smaller starts first; arrays are compared element by element; ties in the order of submission. */
  readonly priority: number | readonly number[]
  /** 1 for the first run of the task. */
  readonly attempt: number
}

/**
 * Slots shared by all partitions. A task waits at the gate, takes the lowest free slot, runs, and gives the slot back
 * before its outcome is handed on, so that slow hooks never occupy the pool.
 */
export interface Executor {
  start(): Promise<void>
  submit(task: Task, options: SubmitOptions): Run
  readonly slots: number
  readonly running: number
  readonly waiting: number
  /**
   * From now on so many run at once; what runs above a smaller number runs to its end. What the runner keeps for them follows
   * where its number is not configured. Throws below 1.
   */
  setSlots(slots: number): void
  /** What the runner keeps from one task to the next. */
  kept(): readonly KeptView[]
  /** What runs now. */
  active(): readonly RunView[]
  /** Ends the task's run, or answers `cancelled` for it where it has not started. False where it is not here. */
  cancelTask(id: string): boolean
  /** Ends whatever still runs, then the launchers. Twice is fine. */
  stop(): Promise<void>
}
