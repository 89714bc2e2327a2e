import type { Outcome, PartialOutput, ProgramIdentity, Task, Verdict } from '../../../model/index.ts'
import { cutAtCharacterEnd, cutAtCharacterStart } from '../launcher/capture.ts'
import { outcomeOf, refusedOutcome } from '../verdict.ts'
import type { Answer } from './answer.ts'
import type { ProcessEnd } from './pool-process.ts'

/** What the outcomes of a pool are made from, besides what was said. */
export interface PoolFacts {
  readonly program: string
  readonly cwd: string
  /** Bytes; 0 = everything. */
  readonly maxStdoutBytes: number
  readonly maxStderrBytes: number
  readonly onOutputCap: 'fail' | 'truncate'
  readonly readyTimeoutMs: number
  readonly noProgressMs: number
}

/** What is known of one run. */
export interface RunSoFar {
  readonly pid: number
  readonly wallMs: number
  readonly timeoutMs: number
  readonly identity: ProgramIdentity | undefined
  readonly partials: readonly PartialOutput[] | null
  /** Partial results were more than the cap. */
  readonly cut: boolean
}

type Filling = { -readonly [Key in keyof Outcome]: Outcome[Key] }

const NOTHING: Buffer = Buffer.alloc(0)
/** Below this a view is copied: it would keep a whole read buffer alive. */
const COPY_BELOW = 16_384

/** Bytes that may be kept for long. */
export function keep(bytes: Buffer): Buffer {
  return bytes.length === 0 ? NOTHING : bytes.length < COPY_BELOW ? Buffer.from(bytes) : bytes
}

/** The outcome of a task that its process answered. */
export function answeredOutcome(
  answer: Extract<Answer, { kind: 'ok' | 'fail' }>,
  facts: PoolFacts,
  run: RunSoFar,
  own: Pick<Task, 'maxStdoutBytes' | 'maxStderrBytes' | 'onOutputCap'>,
): Outcome {
  const { maxStdoutBytes = facts.maxStdoutBytes, maxStderrBytes = facts.maxStderrBytes } = own
  const tooLong = maxStdoutBytes > 0 && answer.stdout.length > maxStdoutBytes
  const stderrCut = maxStderrBytes > 0 && answer.stderr.length > maxStderrBytes
  const stderr = stderrCut ? answer.stderr.subarray(answer.stderr.length - maxStderrBytes) : answer.stderr
  const ok: Filling = {
    verdict: 'ok',
    exitCode: 0,
    signal: null,
    stdout: tooLong ? cutAtCharacterEnd(answer.stdout.subarray(0, maxStdoutBytes)) : keep(answer.stdout),
    stderr: stderrCut ? cutAtCharacterStart(stderr) : keep(stderr),
    stdoutTruncated: tooLong || run.cut,
    stderrTruncated: stderrCut,
    pid: run.pid,
    wallMs: run.wallMs,
  }
  // Not by spreading: this is the way of every task.
  if (run.identity !== undefined) ok.program = run.identity
  if (run.partials !== null) ok.partials = run.partials
  if (answer.kind === 'fail') {
    const { class: failureClass, retryable, exitCode } = answer
    const why = [failureClass, answer.message].filter((text) => text !== '').join(': ')
    const message = `${facts.program} answered that the task failed${why === '' ? '.' : `: ${why}`}`
    return { ...ok, verdict: 'exit', exitCode, message, failure: { class: failureClass, retryable } }
  }
  if (!ok.stdoutTruncated || (own.onOutputCap ?? facts.onOutputCap) === 'truncate') return ok
  const message = `${facts.program} answered more than ${maxStdoutBytes} bytes; raise executor.max_stdout_bytes, or set executor.on_output_cap to truncate.`
  return { ...ok, verdict: 'output-cap', exitCode: null, message }
}

/** The outcome of a task that was ended by us, with its process or by the process itself. */
export function endedByUs(verdict: 'timeout' | 'no-progress' | 'cancelled', facts: PoolFacts, run: RunSoFar): Outcome {
  const { program, noProgressMs } = facts
  const messages = {
    timeout: `${program} worked longer than ${run.timeoutMs / 1000} s on the task; its process was ended.`,
    'no-progress': `${program} gave no sign of progress for ${noProgressMs / 1000} s; its process was ended.`,
    cancelled: `The task was ended on request.`,
  }
  return without(verdict, messages[verdict], run)
}

/** The outcome of a task whose process ended, or had to be ended, under it. */
export function diedOutcome(end: ProcessEnd, facts: PoolFacts, run: RunSoFar): Outcome {
  const { cause, report } = end
  const { program } = facts
  const { stderr } = report.kind === 'none' ? { stderr: NOTHING } : report
  const said = (message: string): Outcome => ({ ...without('protocol', message, run), stderr })
  if (cause.kind === 'violation') {
    const { violation } = cause
    return said(
      `${program} broke the protocol (rule \`${violation.rule}\`): it ${violation.message}. Try \`drakkar conform\`.`,
    )
  }
  if (cause.kind === 'closed') return said(`${program} closed its stdin and stdout in the middle of the task.`)
  const died = outcomeOf(report, launchFacts(facts))
  if (died.verdict === 'ok') return said(`${program} ended with exit code 0 before it had answered the task.`)
  return { ...died, ...without(died.verdict, died.message ?? '', run), ...pick(died) }
}

/** What every task gets that waits while no process can be made ready. */
export function unstartedOutcome(end: ProcessEnd, facts: PoolFacts): Outcome {
  const died = outcomeOf(end.report, launchFacts(facts))
  if (died.verdict === 'launch-failed') return died
  const message = `${facts.program} was not ready for tasks when it ended: it ${howItEnded(end, facts)} See what \`drakkar conform\` says.`
  // No pid: nothing ran that would prove that the program can be launched.
  const { errno: _, ...refused } = refusedOutcome('', 'program', message)
  return { ...refused, stderr: died.stderr, stderrTruncated: died.stderrTruncated }
}

/** How a process came to its end through a fault of its own, with its last words; to be read after its name. */
export function howItEnded({ cause, report }: ProcessEnd, facts: PoolFacts): string {
  const died = outcomeOf(report, launchFacts(facts))
  const words = died.stderr.toString('utf8').trim().split('\n').at(-1) ?? ''
  const tail = words === '' ? '' : ` Its last words on stderr: ${words.slice(0, 200)}`
  if (cause.kind === 'violation')
    return `broke the protocol (rule \`${cause.violation.rule}\`): it ${cause.violation.message}.${tail}`
  if (cause.kind === 'closed') return `closed its stdin and stdout.${tail}`
  if (cause.kind === 'not-ready')
    return `did not answer the first ping within ${facts.readyTimeoutMs / 1000} s (executor.pool.ready_timeout_seconds).${tail}`
  if (report.kind === 'lost') return 'was ended with its launcher, which died.'
  if (died.verdict === 'launch-failed') return `could not be started: ${died.message ?? ''}`
  return `ended by itself, ${died.signal === null ? `with exit code ${died.exitCode}` : `by ${died.signal}`}.${tail}`
}

/** Its process was ended again and again for what others did. */
export function unluckyOutcome(facts: PoolFacts, run: RunSoFar): Outcome {
  const message = `The process of ${facts.program} was ended again and again for other tasks in flight in it; lower executor.pool.in_flight.`
  return without('host-lost', message, run)
}

/** The outcome of a task that no process ever got. */
export function neverGiven(): Outcome {
  const run: RunSoFar = { pid: 0, wallMs: 0, timeoutMs: 0, identity: undefined, partials: null, cut: false }
  return without('cancelled', 'The task was withdrawn before any process had it.', run)
}

function without(verdict: Verdict, message: string, run: RunSoFar): Outcome {
  return {
    verdict,
    exitCode: null,
    signal: null,
    stdout: NOTHING,
    stderr: NOTHING,
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: run.pid === 0 ? null : run.pid,
    wallMs: run.wallMs,
    message,
    ...(run.identity === undefined ? {} : { program: run.identity }),
    ...(run.partials === null ? {} : { partials: run.partials }),
  }
}

const pick = ({ exitCode, signal, stderr, stderrTruncated }: Outcome): Partial<Outcome> => ({
  exitCode,
  signal,
  stderr,
  stderrTruncated,
})

const launchFacts = ({ program, cwd, maxStdoutBytes }: PoolFacts): Parameters<typeof outcomeOf>[1] => ({
  program,
  cwd,
  timeoutMs: 0,
  stdoutCap: maxStdoutBytes,
})
