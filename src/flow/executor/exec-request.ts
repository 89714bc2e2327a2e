import type { Outcome, Task } from '../../model/index.ts'
import type { LaunchRequest } from './launcher/link.ts'
import type { Setting } from './launcher/start-frame.ts'
import { refusedOutcome } from './verdict.ts'

/** What holds for tasks that say nothing else. */
export interface ExecDefaults {
  /** Program of tasks that name none. Without a slash it is looked up on the PATH of the task's environment. */
  readonly defaultBinary: string | null
  /** Wall time limit of a run, milliseconds; 0 = none. */
  readonly timeoutMs: number
  /** Between SIGTERM and SIGKILL, milliseconds; 0 = SIGKILL at once. */
  readonly graceMs: number
  /** Kept of each stream, bytes; 0 = everything. Of stdout the beginning is kept, of stderr the end. */
  readonly maxStdoutBytes: number
  readonly maxStderrBytes: number
  /** What more stdout than the cap means: `output-cap`, or the rest is read and dropped, or all of it goes to a file. */
  readonly onOutputCap: 'fail' | 'truncate' | 'spill'
}

/** What was made for one run before it starts. */
export interface Made {
  readonly scratch?: string
  readonly spillFile?: string
}

type Draft = { -readonly [Field in keyof LaunchRequest]: LaunchRequest[Field] }

const MAX_U32 = 0xffff_ffff
const MAX_MS = 0x7fff_ffff
/** Above what any kernel takes (2 MiB by default, 6 MiB at most on Linux); it would not fit a frame of the launcher. */
const MAX_ARGUMENT_BYTES = 8 * 1024 * 1024
const NO_PAIRS: readonly (readonly [string, string])[] = []

/** One start, with everything decided. */
export function requestOf(task: Task, defaults: ExecDefaults, template: number): Draft {
  return {
    program: task.binary ?? defaults.defaultBinary ?? '',
    args: task.args,
    template,
    env: pairsOf(task.env),
    cwd: task.cwd ?? '',
    stdin: task.stdin ?? null,
    timeoutMs: Math.min(MAX_MS, Math.ceil(task.timeoutMs ?? defaults.timeoutMs)),
    graceMs: Math.min(MAX_MS, Math.ceil(task.graceMs ?? defaults.graceMs)),
    stdoutCap: Math.min(MAX_U32, task.maxStdoutBytes ?? defaults.maxStdoutBytes),
    stderrCap: Math.min(MAX_U32, task.maxStderrBytes ?? defaults.maxStderrBytes),
    capKills: (task.onOutputCap ?? defaults.onOutputCap) === 'fail',
  }
}

/** Adds what only some tasks have. */
export function addExtras(
  request: Draft,
  task: Task,
  made: Made,
  settings: readonly Setting[],
  maxSpillBytes: number,
): void {
  if (settings.length > 0) request.settings = settings
  if (task.stdinFile !== undefined) request.stdinFile = task.stdinFile
  if (made.spillFile !== undefined) request.spill = { file: made.spillFile, maxBytes: maxSpillBytes }
  if (made.scratch !== undefined) {
    request.env = [...request.env, ['DRAKKAR_SCRATCH', made.scratch]]
    if (task.cwd === undefined) request.cwd = made.scratch
  }
}

function pairsOf(env: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  for (const _ in env) return Object.entries(env)
  return NO_PAIRS
}

/** What cannot be passed to any program is answered here; it would be an exception in the launcher. */
export function refuse(request: LaunchRequest): Outcome | null {
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
  if (request.stdinFile?.includes('\0') === true) {
    return refusedOutcome('EINVAL', 'stdin', 'The path of the file for stdin contains a NUL character.')
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
