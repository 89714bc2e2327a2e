import type { Assignment, Outcome, Task } from '../../model/index.ts'

/**
 * Runs one task once. One contract for a process per task, a persistent process, a function, and the simulated program:
 * it never rejects for what the program did (that is the outcome's verdict), and when `signal` aborts it ends the run
 * (the whole process group) and answers `cancelled`.
 */
export interface Runner {
  start(): Promise<void>
  /** `started` is called once, when the program runs; a runner that cannot tell never calls it. */
  run(task: Task, signal: AbortSignal, started?: () => void): Promise<Outcome>
  /**
   * What is launched for this task: where that fails, everything that launches the same waits for it. Null: nothing is.
   * Default: the task's `binary`, else the configured one.
   */
  programOf?(task: Task): string | null
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
  /** Ends whatever still runs, then the launchers. Twice is fine. */
  stop(): Promise<void>
}
