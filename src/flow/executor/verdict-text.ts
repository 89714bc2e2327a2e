import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import type { LaunchPart, TaskLimits, Verdict } from '../../model/index.ts'
import { DONE_FLAGS, type DoneFrame } from './launcher/frames.ts'

/** What the verdict and its sentence are made from, besides what the launcher says. */
export interface RunFacts {
  readonly program: string
  readonly cwd: string
  readonly timeoutMs: number
  readonly stdoutCap: number
  readonly stdinFile?: string | undefined
  /** Of a run whose output may be spilled: where to, and how much of it (0 = no limit). */
  readonly spillFile?: string | undefined
  readonly maxSpillBytes?: number | undefined
  readonly limits?: TaskLimits
  /** The kernel counted an out-of-memory kill that this SIGKILL accounts for. */
  readonly outOfMemory?: boolean
}

/** Of two names for one number the first is the one that people know (SIGABRT, not SIGIOT). */
const SIGNAL_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, number]) => [number, name]),
)

const { SIGABRT, SIGBUS, SIGILL, SIGKILL, SIGSEGV, SIGTRAP, SIGXFSZ } = constants.signals
/** How programs end when memory is refused to them. */
export const ALLOCATION_FAILED: ReadonlySet<number> = new Set([SIGABRT, SIGBUS, SIGILL, SIGKILL, SIGSEGV, SIGTRAP])

export function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno)
  } catch {
    return `errno ${errno}`
  }
}

export function signalName(signal: number): string | null {
  return signal === 0 ? null : (SIGNAL_NAMES.get(signal) ?? `signal ${signal}`)
}

/** What happened, for the reader; nothing for `ok`. */
export function sentence(
  verdict: Verdict,
  done: DoneFrame,
  facts: RunFacts,
  errno: string | undefined,
): string | undefined {
  const { program } = facts
  if (verdict === 'exit') return `${program} ended with exit code ${done.code}.`
  if (verdict === 'signal') {
    return `${program} was ended by ${signalName(done.signal)}, which nobody here sent${signalHint(done, facts)}.`
  }
  if (verdict === 'oom' || verdict === 'limit') return limitSentence(verdict, done, facts)
  if (verdict === 'timeout') return `${program} ran longer than ${facts.timeoutMs / 1000} s and was ended.`
  if (verdict === 'output-cap') {
    if ((done.flags & DONE_FLAGS.spillFailed) !== 0) return spillSentence(done, facts)
    return `${program} wrote more than ${facts.stdoutCap} bytes to stdout and was ended; raise executor.max_stdout_bytes, or set executor.on_output_cap to truncate.`
  }
  if (verdict === 'cancelled') return `${program} was ended on request.`
  if (verdict === 'launch-failed') return launchSentence(errno ?? '', done.part, facts)
  return undefined
}

function signalHint({ signal }: DoneFrame, { limits }: RunFacts): string {
  const limited = limits?.memoryBytes !== undefined && ALLOCATION_FAILED.has(signal)
  if (limited) return ` (it has a memory limit of ${limits.memoryBytes} bytes: an allocation that fails can end so)`
  return signal === SIGKILL ? ' (often: the kernel, out of memory)' : ''
}

function limitSentence(verdict: Verdict, done: DoneFrame, { program, limits = {}, outOfMemory }: RunFacts): string {
  const by = `${program} was ended by ${signalName(done.signal)}`
  if (outOfMemory === true) return `${by}: the kernel had no memory left (it counted an out-of-memory kill).`
  if (verdict === 'oom') {
    return `${by} with ${done.maxRssKb} KiB in use, close to its memory limit of ${limits.memoryBytes} bytes; raise memory_bytes of executor.limits or of the task.`
  }
  if (done.signal === SIGXFSZ) {
    const most = limits.fileBytes === undefined ? 'its limit' : `${limits.fileBytes} bytes`
    return `${by}: it wrote a file larger than ${most} (file_bytes of executor.limits or of the task).`
  }
  const most = limits.cpuSeconds === undefined ? 'its limit of' : `${limits.cpuSeconds} s of`
  if (done.signal === SIGKILL) {
    const used = (done.cpuUs / 1e6).toFixed(1)
    return `${by} with ${used} s of CPU time used, a second or so after its limit of ${limits.cpuSeconds} s (cpu_seconds of executor.limits or of the task).`
  }
  return `${by}: it used more than ${most} CPU time (cpu_seconds of executor.limits or of the task).`
}

function spillSentence(done: DoneFrame, { program, maxSpillBytes }: RunFacts): string {
  const errno = errnoName(done.errno)
  const why =
    errno === 'EFBIG' && maxSpillBytes !== 0
      ? `it wrote more than executor.max_spill_bytes (${maxSpillBytes})`
      : errno === 'ENOSPC'
        ? 'the disk of executor.spill_dir is full (ENOSPC)'
        : `its stdout could not be spilled to executor.spill_dir (${errno})`
  return `${program} was ended: ${why}.`
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist (or the interpreter in its #! line does not, or it is not on PATH)',
  EACCES: 'it is not executable for this user (chmod +x), or a folder above it cannot be entered',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  ENOEXEC: 'it is neither a binary of this machine nor a script with a #! line',
  EAGAIN: 'the limit of processes is reached',
  EMFILE: 'the limit of open files is reached',
  ENFILE: 'the limit of open files of the whole machine is reached',
  ENOMEM: 'there is no memory left',
  ETXTBSY: 'it is open for writing',
}

const STDIN_ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'this user cannot read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  ESPIPE: 'it is neither a file nor a device',
}

const OTHER_PARTS: Readonly<Partial<Record<LaunchPart, string>>> = {
  dial: 'its connection to this worker could not be made',
  limits: 'its limits, niceness, umask, user or group cannot be set',
}

/** One sentence: what could not be launched, and why. */
export function launchSentence(
  errno: string,
  part: DoneFrame['part'],
  facts: Pick<RunFacts, 'program' | 'cwd' | 'stdinFile'>,
): string {
  if (part === 'cwd') {
    const why = errno === 'EACCES' ? 'cannot be entered' : errno === 'ENOTDIR' ? 'is not a folder' : 'does not exist'
    return `${facts.program} was not started: its working directory ${facts.cwd} ${why} (${errno}).`
  }
  if (part === 'arguments') {
    const why = errno === 'E2BIG' ? 'are longer than the system allows' : 'cannot be passed to a program'
    return `${facts.program} was not started: its arguments or environment ${why} (${errno}).`
  }
  if (errno === 'ENOSYS' && part === 'limits') {
    return `${facts.program} was not started: limits and niceness need native launchers, and here the Node ones serve (ENOSYS).`
  }
  if (part === 'stdin') {
    return `${facts.program} was not started: ${facts.stdinFile ?? 'the file'} cannot be its stdin: ${STDIN_ADVICE[errno] ?? 'the system refused'} (${errno}).`
  }
  const other = OTHER_PARTS[part]
  if (other !== undefined) return `${facts.program} was not started: ${other} (${errno}).`
  return `${facts.program} cannot be started: ${ADVICE[errno] ?? 'the system refused'} (${errno}).`
}
