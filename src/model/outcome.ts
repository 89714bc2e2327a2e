/**
 * How a run of a task ended. Branch on this, never on text.
 *
 * - `ok`: exit code 0
 * - `exit`: another exit code
 * - `signal`: ended by a signal that nobody here sent
 * - `timeout`: longer than its limit; ended by us
 * - `no-progress`: no sign of life for longer than its limit; ended by us
 * - `oom`: ended by the kernel for memory, or by a fault close to its memory limit
 * - `limit`: another resource limit (CPU time, size of a file)
 * - `output-cap`: wrote more than the cap, under `on_output_cap: fail`; ended by us
 * - `cancelled`: ended on request (an operator, a drain that ran out of time)
 * - `launch-failed`: never ran; `errno` says why
 * - `host-lost`: the launcher that ran it died
 * - `protocol`: a persistent process answered out of protocol
 */
export type Verdict =
  | 'ok'
  | 'exit'
  | 'signal'
  | 'timeout'
  | 'no-progress'
  | 'oom'
  | 'limit'
  | 'output-cap'
  | 'cancelled'
  | 'launch-failed'
  | 'host-lost'
  | 'protocol'

/**
 * What of a start was refused: the program itself, its working directory, its arguments or environment, the file for its
 * stdin, the connection of a persistent process, or its limits, niceness, umask, user or group.
 */
export type LaunchPart = 'program' | 'cwd' | 'arguments' | 'stdin' | 'dial' | 'limits'

/** The file that a persistent process was started from. */
export interface ProgramIdentity {
  readonly path: string
  readonly ino: number
  readonly mtimeMs: number
}

/** A piece of a task's result that came before its end. */
export interface PartialOutput {
  /** What the program says it is for, e.g. the message of that place in the task. */
  readonly index: number
  readonly stdout: Buffer
}

/** What a runner reports of one run. */
export interface Outcome {
  readonly verdict: Verdict
  /** Null where the program did not exit by itself. */
  readonly exitCode: number | null
  /** Name of the signal that ended the program, e.g. `SIGKILL`. */
  readonly signal: string | null
  readonly stdout: Buffer
  readonly stderr: Buffer
  /** True where output beyond the cap was read and thrown away. */
  readonly stdoutTruncated: boolean
  readonly stderrTruncated: boolean
  /** Null where no process was started (precomputed, launch failed). */
  readonly pid: number | null
  /** Wall time of the run itself, milliseconds. */
  readonly wallMs: number
  /** Of a failed launch: `ENOENT`, `EACCES`, … */
  readonly errno?: string
  /** Of a failed launch: what was refused. Default: the program. */
  readonly launchPart?: LaunchPart
  /** One sentence for the reader: what happened and what to do. */
  readonly message?: string
  /** What a function answered, as it was; from a thread, what its bytes mean. Undefined of everything else. */
  readonly value?: unknown
  /** User and system CPU time of the process and its waited-for children, microseconds; only where the launcher can tell. */
  readonly cpuUs?: number
  /** Largest resident set, KiB; only where the launcher can tell. */
  readonly maxRssKb?: number
  /** All of stdout, where it was more than the cap and `on_output_cap` is `spill`. Removed when the task has settled. */
  readonly stdoutFile?: { readonly path: string; readonly bytes: number }
  /** The run's own folder, where the task asked for one. Removed when the task has settled. */
  readonly scratch?: string
  /** Of a persistent process: what it runs, so that results before and after an upgrade can be told apart. */
  readonly program?: ProgramIdentity
  /** Results that a persistent process gave before its answer, in the order they came; there after a failure, too. */
  readonly partials?: readonly PartialOutput[]
  /** Of a persistent process that answered `fail`. Where `retryable` is false, the default is not to run it again. */
  readonly failure?: { readonly class: string; readonly retryable: boolean }
}
