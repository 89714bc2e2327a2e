import type { Message } from './message.ts'
import type { Outcome, PartialOutput } from './outcome.ts'

/** A result that needs no process: known from a cache, or computed in the hook. It takes no slot. */
export interface Precomputed {
  /** Default ''. */
  readonly stdout?: string | Uint8Array
  /** Default ''. */
  readonly stderr?: string | Uint8Array
  /** Default 0. Another code goes through `onError` like a real failure. */
  readonly exitCode?: number
  /** What hooks get as `result.value`. */
  readonly value?: unknown
  /** What is reported as the duration, seconds. Default 0. */
  readonly durationSeconds?: number
}

/**
 * Who runs a task. `exec`: one process for each (the default); `pool`: processes that stay (`executor.pool`);
 * `function`: the handler's `run`, or the module of `executor.function`.
 */
export type RunnerName = 'exec' | 'pool' | 'function'

/** A file that a program gets as its stdin, opened for reading when it is started. */
export interface StdinFile {
  readonly file: string
}

/**
 * More stdout than its cap. `fail`: the run is ended, verdict `output-cap`. `truncate`: the rest is thrown away. `spill`: all of it
 * is in a file (`result.stdoutFile`) until the task has settled.
 */
export type OnOutputCap = 'fail' | 'truncate' | 'spill'

/** Most that each process of a run may use; never more than what holds for the worker itself. */
export interface TaskLimits {
  /** Address space, bytes: what is reserved counts, not only what is used. An allocation beyond it fails in the program. */
  readonly memoryBytes?: number
  /** CPU time, whole seconds; then SIGXCPU (verdict `limit`), and SIGKILL a second later. */
  readonly cpuSeconds?: number
  /** Largest file that it may write, bytes; more is SIGXFSZ (verdict `limit`). */
  readonly fileBytes?: number
  /** Open descriptors. */
  readonly openFiles?: number
  /** Processes and threads of its user, all of them on this machine; not for root. */
  readonly processes?: number
  /** Largest core file, bytes; 0 = none. */
  readonly coreBytes?: number
}

/** What a handler says of a task; everything is optional but the messages it stands for. */
export interface TaskOptions<Metadata = unknown> {
  /** Unique among the tasks in flight. Default: deterministic from the messages, the same after every replay. */
  readonly id?: string
  /** Arguments of the program; never a shell. Default none. */
  readonly args?: readonly string[]
  /** Written to the program's stdin, which is then closed, or a file that becomes it. Default: stdin is /dev/null. */
  readonly stdin?: string | Uint8Array | StdinFile
  /** Added over `executor.env`. */
  readonly env?: Readonly<Record<string, string>>
  /** Working directory. Default: the worker's. */
  readonly cwd?: string
  /** Who runs it. Default `executor.runner`. */
  readonly runner?: RunnerName
  /** Program to run. Default `executor.binary_path`. */
  readonly binary?: string
  /** Wall time limit, milliseconds. Default `executor.task_timeout_seconds`. */
  readonly timeoutMs?: number
  /** Between SIGTERM and SIGKILL, milliseconds; 0 = SIGKILL at once. Default `executor.kill_grace_seconds`. */
  readonly graceMs?: number
  /** Kept of stdout, its beginning, bytes; 0 = all. Default `executor.max_stdout_bytes`. */
  readonly maxStdoutBytes?: number
  /** Kept of stderr, its end, bytes; 0 = all. Default `executor.max_stderr_bytes`. */
  readonly maxStderrBytes?: number
  /** What more stdout than its cap means. Default `executor.on_output_cap`. */
  readonly onOutputCap?: OnOutputCap
  /** Over `executor.limits`, one by one. Tasks of the runner `exec` only, and of native launchers only. */
  readonly limits?: TaskLimits
  /** Added to the worker's niceness, 0 to 19. Default `executor.nice`. Needs native launchers. */
  readonly nice?: number
  /**
   * True: the run gets an empty folder of its own, as `DRAKKAR_SCRATCH` in its environment and as its working directory
   * where `cwd` names no other. It is removed when the task has settled, after `onTaskComplete` or `onError`.
   */
  readonly scratch?: boolean
  /** Exit codes that count as success, e.g. `[0, 1]` for grep. Default `executor.ok_exit_codes`. */
  readonly okExitCodes?: readonly number[]
  /** Carried to the hooks, typed by inference. Never sent to the program. */
  readonly metadata?: Metadata
  /** For display, search and metrics. */
  readonly labels?: Readonly<Record<string, string>>
  readonly precomputed?: Precomputed
}

/** A task as `arrange` or `onError` returns it: made by `task()`, not yet given its place in a window. */
export interface TaskSpec<Payload = unknown, Metadata = unknown> extends TaskOptions<Metadata> {
  /** The messages it stands for (at least one); each of them ends only after this task has. */
  readonly messages: readonly Message<Payload>[]
}

/** A task in its window. */
export interface Task<Payload = unknown, Metadata = unknown> {
  readonly id: string
  /** The task that this one replaces. */
  readonly parentId?: string
  readonly messages: readonly Message<Payload>[]
  readonly args: readonly string[]
  readonly stdin?: Uint8Array
  /** Path of the file that becomes stdin; then there is no `stdin`. */
  readonly stdinFile?: string
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly runner?: RunnerName
  readonly binary?: string
  readonly timeoutMs?: number
  readonly graceMs?: number
  readonly maxStdoutBytes?: number
  readonly maxStderrBytes?: number
  readonly onOutputCap?: OnOutputCap
  readonly limits?: TaskLimits
  readonly nice?: number
  readonly scratch?: boolean
  readonly okExitCodes?: readonly number[]
  readonly metadata: Metadata
  readonly labels: Readonly<Record<string, string>>
  readonly precomputed?: Precomputed
}

/** What hooks get of a task's last run. Text is decoded on first use; bytes are always there. */
export class TaskResult<Payload = unknown, Metadata = unknown, Value = unknown> {
  readonly task: Task<Payload, Metadata>
  readonly outcome: Outcome
  /** Runs so far, this one included. */
  readonly attempts: number
  #stdout: string | undefined
  #stderr: string | undefined

  constructor(task: Task<Payload, Metadata>, outcome: Outcome, attempts: number) {
    this.task = task
    this.outcome = outcome
    this.attempts = attempts
  }

  get verdict(): Outcome['verdict'] {
    return this.outcome.verdict
  }

  get exitCode(): number | null {
    return this.outcome.exitCode
  }

  /** Standard output as text (UTF-8; bytes that are not UTF-8 become U+FFFD, so use `stdoutBytes` for binary output). */
  get stdout(): string {
    this.#stdout ??= this.outcome.stdout.toString('utf8')
    return this.#stdout
  }

  get stdoutBytes(): Buffer {
    return this.outcome.stdout
  }

  get stderr(): string {
    this.#stderr ??= this.outcome.stderr.toString('utf8')
    return this.#stderr
  }

  get stderrBytes(): Buffer {
    return this.outcome.stderr
  }

  /** What a function answered (`run`, or the module of `executor.function`); undefined where a program ran. */
  get value(): Value {
    return this.outcome.value as Value
  }

  /** Where all of stdout is, when it was more than its cap and the task says `onOutputCap: 'spill'`; read it in this hook. */
  get stdoutFile(): Outcome['stdoutFile'] {
    return this.outcome.stdoutFile
  }

  /** The folder of a task with `scratch: true`; read what you need of it in this hook. */
  get scratch(): string | undefined {
    return this.outcome.scratch
  }

  /** What a persistent process gave of the result before its answer; see the guide to `executor.pool`. */
  get partials(): readonly PartialOutput[] {
    return this.outcome.partials ?? []
  }

  get pid(): number | null {
    return this.outcome.pid
  }

  /** Wall time of the run, seconds. */
  get durationSeconds(): number {
    return this.outcome.wallMs / 1000
  }
}
