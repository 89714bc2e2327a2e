import { constants } from 'node:os'
import type { LaunchPart, Outcome, Verdict } from '../../model/index.ts'
import { cutAtCharacterEnd, cutAtCharacterStart } from './launcher/capture.ts'
import { DONE_FLAGS, type DoneFrame } from './launcher/frames.ts'
import type { LaunchReport } from './launcher/link.ts'
import { ALLOCATION_FAILED, errnoName, type RunFacts, sentence, signalName } from './verdict-text.ts'

const { SIGKILL, SIGXCPU, SIGXFSZ } = constants.signals

/** So much of its memory limit was in use, resident: what is reserved only is not seen. */
const CLOSE_TO_LIMIT = 0.8
/** For the limit the kernel counts CPU time by ticks; on a busy machine that is up to a quarter more than what it measures. */
const SPENT = 0.7

/** True where a signal ended it that no timeout, cap or request of ours can account for. */
export function wasKilledByOthers({ flags, signal }: DoneFrame): boolean {
  return signal !== 0 && (flags & (DONE_FLAGS.killed | DONE_FLAGS.timedOut | DONE_FLAGS.capped)) === 0
}

/** The verdict of one run: the first cause that we set, else how the program ended by itself. */
export function verdictOf(done: DoneFrame, facts: Pick<RunFacts, 'limits' | 'outOfMemory'> = {}): Verdict {
  if ((done.flags & DONE_FLAGS.killed) !== 0) return 'cancelled'
  if (done.errno !== 0 && done.pid === 0) return 'launch-failed'
  if ((done.flags & DONE_FLAGS.timedOut) !== 0) return 'timeout'
  if ((done.flags & DONE_FLAGS.capped) !== 0) return 'output-cap'
  if (done.signal !== 0 || done.code < 0) return signalVerdict(done, facts)
  return done.code === 0 ? 'ok' : 'exit'
}

function signalVerdict(
  done: DoneFrame,
  { limits = {}, outOfMemory }: Pick<RunFacts, 'limits' | 'outOfMemory'>,
): Verdict {
  const { signal } = done
  if (signal === SIGXCPU || signal === SIGXFSZ) return 'limit'
  if (outOfMemory === true) return 'oom'
  if ((done.flags & DONE_FLAGS.usage) === 0) return 'signal'
  const { cpuSeconds, memoryBytes } = limits
  // The kernel sends it a second after a SIGXCPU that was not heeded.
  const isSpent = cpuSeconds !== undefined && done.cpuUs >= (cpuSeconds + 1) * 1e6 * SPENT
  if (signal === SIGKILL && isSpent) return 'limit'
  const isClose = memoryBytes !== undefined && done.maxRssKb * 1024 >= memoryBytes * CLOSE_TO_LIMIT
  return isClose && ALLOCATION_FAILED.has(signal) ? 'oom' : 'signal'
}

/** Everything that the flow learns of a run. */
export function outcomeOf(report: LaunchReport, facts: RunFacts): Outcome {
  if (report.kind === 'lost') return lostOutcome(report)
  // As where the machine has no room: no fault of the task, which waits instead of using up its attempts.
  if (report.kind === 'none') return refusedOutcome('EAGAIN', 'program', 'No launcher is there at the moment.')
  const { done } = report
  const verdict = verdictOf(done, facts)
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
    ...((done.flags & DONE_FLAGS.spilled) === 0 || done.errno !== 0 || facts.spillFile === undefined
      ? {}
      : { stdoutFile: { path: facts.spillFile, bytes: done.stdoutBytes } }),
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
