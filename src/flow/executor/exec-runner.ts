import type { Outcome, Task } from '../../model/index.ts'
import { baseEnvironment, type EnvironmentOptions } from './environment.ts'
import type { Launchers } from './launcher/launchers.ts'
import type { LaunchRequest } from './launcher/link.ts'
import type { Runner } from './runner.ts'
import { outcomeOf, type RunFacts, refusedOutcome } from './verdict.ts'

export interface ExecRunnerOptions extends EnvironmentOptions {
  readonly launchers: Launchers
  /** Program of tasks that name none. Without a slash it is looked up on the PATH of the task's environment. */
  readonly defaultBinary: string | null
  /** Wall time limit of a run, milliseconds; 0 = none. */
  readonly timeoutMs: number
  /** Between SIGTERM and SIGKILL, milliseconds; 0 = SIGKILL at once. */
  readonly graceMs: number
  /** Kept of each stream, bytes; 0 = everything. Of stdout the beginning is kept, of stderr the end. */
  readonly maxStdoutBytes: number
  readonly maxStderrBytes: number
  /** What more stdout than the cap means: the run fails (`output-cap`), or the rest is read and dropped. */
  readonly onOutputCap: 'fail' | 'truncate'
}

const MAX_U32 = 0xffff_ffff
/** Above what any kernel takes (2 MiB by default, 6 MiB at most on Linux); it would not fit a frame of the launcher. */
const MAX_ARGUMENT_BYTES = 8 * 1024 * 1024
const NO_PAIRS: readonly (readonly [string, string])[] = []

/** One process per task, started by the launchers. */
export class ExecRunner implements Runner {
  readonly #options: ExecRunnerOptions
  #template = 0

  constructor(options: ExecRunnerOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    if (this.#template === 0) this.#template = this.#options.launchers.registerEnv(baseEnvironment(this.#options))
    return Promise.resolve()
  }

  run(task: Task, signal: AbortSignal, started?: () => void): Promise<Outcome> {
    const request = this.#request(task)
    const refusal = refuse(request)
    if (refusal !== null) return Promise.resolve(refusal)
    const facts: RunFacts = {
      program: request.program,
      cwd: request.cwd,
      timeoutMs: request.timeoutMs,
      stdoutCap: request.stdoutCap,
    }
    return new Promise((resolve) => {
      const cancel = this.#options.launchers.launch(request, {
        started: () => started?.(),
        ended: (report) => {
          signal.removeEventListener('abort', cancel)
          resolve(outcomeOf(report, facts))
        },
      })
      if (signal.aborted) cancel()
      else signal.addEventListener('abort', cancel)
    })
  }

  stop(): Promise<void> {
    return this.#options.launchers.stop()
  }

  #request(task: Task): LaunchRequest {
    const options = this.#options
    return {
      program: task.binary ?? options.defaultBinary ?? '',
      args: task.args,
      template: this.#template,
      env: pairsOf(task.env),
      cwd: task.cwd ?? '',
      stdin: task.stdin ?? null,
      timeoutMs: Math.min(0x7fff_ffff, Math.ceil(task.timeoutMs ?? options.timeoutMs)),
      graceMs: Math.min(0x7fff_ffff, options.graceMs),
      stdoutCap: Math.min(MAX_U32, options.maxStdoutBytes),
      stderrCap: Math.min(MAX_U32, options.maxStderrBytes),
      capKills: options.onOutputCap === 'fail',
    }
  }
}

function pairsOf(env: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  for (const _ in env) return Object.entries(env)
  return NO_PAIRS
}

/** What cannot be passed to any program is answered here; it would be an exception in the launcher. */
function refuse(request: LaunchRequest): Outcome | null {
  if (request.program === '') {
    const message = 'There is no program to run: set executor.binary_path, or give the task its own `binary`.'
    return refusedOutcome('ENOENT', 'program', message)
  }
  if (request.program.includes('\0')) {
    return refusedOutcome('EINVAL', 'arguments', 'The path of the program contains a NUL character.')
  }
  if (request.cwd.includes('\0')) {
    return refusedOutcome('EINVAL', 'cwd', 'The working directory contains a NUL character.')
  }
  let bytes = 0
  for (let at = 0; at < request.args.length; at += 1) {
    const argument = request.args[at] as string
    bytes += argument.length + 8
    if (argument.includes('\0')) {
      const message = `Argument ${at} contains a NUL character, which no argument of a program can; pass such bytes by stdin.`
      return refusedOutcome('EINVAL', 'arguments', message)
    }
  }
  for (const [name, value] of request.env) {
    bytes += name.length + value.length + 8
    if (name === '' || name.includes('=') || name.includes('\0') || value.includes('\0')) {
      const message = `The environment variable ${JSON.stringify(name)} has a name or a value that cannot be passed to a program.`
      return refusedOutcome('EINVAL', 'arguments', message)
    }
  }
  if (bytes <= MAX_ARGUMENT_BYTES) return null
  const message = `The arguments are ${bytes} bytes long, more than the system allows; pass them by stdin.`
  return refusedOutcome('E2BIG', 'arguments', message)
}
