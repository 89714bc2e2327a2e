import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import type { LaunchPart, Outcome, Verdict } from '../../model/index.ts'
import { cutAtCharacterEnd, cutAtCharacterStart } from './launcher/capture.ts'
import { DONE_FLAGS, type DoneFrame } from './launcher/frames.ts'
import type { LaunchReport } from './launcher/link.ts'

/** What the verdict and its sentence are made from, besides what the launcher says. */
export interface RunFacts {
  readonly program: string
  readonly cwd: string
  readonly timeoutMs: number
  readonly stdoutCap: number
}

const SIGNAL_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
)

/** The verdict of one run: the first cause that we set, else how the program ended by itself. */
export function verdictOf(done: DoneFrame): Verdict {
  if ((done.flags & DONE_FLAGS.killed) !== 0) return 'cancelled'
  if (done.errno !== 0 && done.pid === 0) return 'launch-failed'
  if ((done.flags & DONE_FLAGS.timedOut) !== 0) return 'timeout'
  if ((done.flags & DONE_FLAGS.capped) !== 0) return 'output-cap'
  if (done.signal !== 0 || done.code < 0) return 'signal'
  return done.code === 0 ? 'ok' : 'exit'
}

/** Everything that the flow learns of a run. */
export function outcomeOf(report: LaunchReport, facts: RunFacts): Outcome {
  if (report.kind === 'lost') return lostOutcome(report)
  // As where the machine has no room: no fault of the task, which waits instead of using up its attempts.
  if (report.kind === 'none') return refusedOutcome('EAGAIN', 'program', 'No launcher is there at the moment.')
  const { done } = report
  const verdict = verdictOf(done)
  const stdoutTruncated = (done.flags & DONE_FLAGS.stdoutTruncated) !== 0
  const stderrTruncated = (done.flags & DONE_FLAGS.stderrTruncated) !== 0
  const errno = verdict === 'launch-failed' ? errnoName(done.errno) : undefined
  const message = sentence(verdict, done, facts, errno)
  return {
    verdict,
    exitCode: done.code >= 0 && done.pid !== 0 ? done.code : null,
    signal: signalName(done.signal),
    stdout: stdoutTruncated ? cutAtCharacterEnd(report.stdout) : report.stdout,
    stderr: stderrTruncated ? cutAtCharacterStart(report.stderr) : report.stderr,
    stdoutTruncated,
    stderrTruncated,
    pid: done.pid === 0 ? null : done.pid,
    wallMs: done.wallUs / 1000,
    ...(errno === undefined ? {} : { errno, launchPart: done.part }),
    ...(message === undefined ? {} : { message }),
    ...((done.flags & DONE_FLAGS.usage) === 0 ? {} : { cpuUs: done.cpuUs, maxRssKb: done.maxRssKb }),
  }
}

/** A launch that was refused before it was tried. */
export function refusedOutcome(errno: string, part: LaunchPart, message: string): Outcome {
  const nothing = Buffer.alloc(0)
  return {
    verdict: 'launch-failed',
    exitCode: null,
    signal: null,
    stdout: nothing,
    stderr: nothing,
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: null,
    wallMs: 0,
    errno,
    launchPart: part,
    message,
  }
}

function lostOutcome(report: Extract<LaunchReport, { kind: 'lost' }>): Outcome {
  return {
    verdict: 'host-lost',
    exitCode: null,
    signal: null,
    stdout: report.stdout,
    stderr: report.stderr,
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: report.pid === 0 ? null : report.pid,
    wallMs: 0,
    message: 'The launcher that ran the program died; the program was ended. This is not its fault.',
  }
}

function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno)
  } catch {
    return `errno ${errno}`
  }
}

function signalName(signal: number): string | null {
  return signal === 0 ? null : (SIGNAL_NAMES.get(signal) ?? `signal ${signal}`)
}

function sentence(verdict: Verdict, done: DoneFrame, facts: RunFacts, errno: string | undefined): string | undefined {
  const { program } = facts
  if (verdict === 'exit') return `${program} ended with exit code ${done.code}.`
  if (verdict === 'signal') {
    const why = done.signal === constants.signals.SIGKILL ? ' (often: the kernel, out of memory)' : ''
    return `${program} was ended by ${signalName(done.signal)}, which nobody here sent${why}.`
  }
  if (verdict === 'timeout') return `${program} ran longer than ${facts.timeoutMs / 1000} s and was ended.`
  if (verdict === 'output-cap') {
    return `${program} wrote more than ${facts.stdoutCap} bytes to stdout and was ended; raise executor.max_stdout_bytes, or set executor.on_output_cap to truncate.`
  }
  if (verdict === 'cancelled') return `${program} was ended on request.`
  if (verdict === 'launch-failed') return launchSentence(errno ?? '', done.part, facts)
  return undefined
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

const OTHER_PARTS: Readonly<Partial<Record<LaunchPart, string>>> = {
  stdin: 'the file for its stdin cannot be opened',
  dial: 'its connection to this worker could not be made',
  limits: 'its limits, niceness, umask, user or group cannot be set',
}

/** One sentence: what could not be launched, and why. */
export function launchSentence(
  errno: string,
  part: DoneFrame['part'],
  facts: Pick<RunFacts, 'program' | 'cwd'>,
): string {
  if (part === 'cwd') {
    const why = errno === 'EACCES' ? 'cannot be entered' : errno === 'ENOTDIR' ? 'is not a folder' : 'does not exist'
    return `${facts.program} was not started: its working directory ${facts.cwd} ${why} (${errno}).`
  }
  if (part === 'arguments') {
    const why = errno === 'E2BIG' ? 'are longer than the system allows' : 'cannot be passed to a program'
    return `${facts.program} was not started: its arguments or environment ${why} (${errno}).`
  }
  const other = OTHER_PARTS[part]
  if (other !== undefined) return `${facts.program} was not started: ${other} (${errno}).`
  return `${facts.program} cannot be started: ${ADVICE[errno] ?? 'the system refused'} (${errno}).`
}
