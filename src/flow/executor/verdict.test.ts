import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { LaunchPart, Verdict } from '../../model/index.ts'
import { launchFault } from './launch-fault.ts'
import { DONE_FLAGS, type DoneFrame } from './launcher/frames.ts'
import { outcomeOf, verdictOf } from './verdict.ts'
import { launchSentence, type RunFacts } from './verdict-text.ts'

const base: DoneFrame = {
  id: 1,
  pid: 77,
  code: 0,
  signal: 0,
  flags: 0,
  errno: 0,
  part: 'program',
  wallUs: 1_500,
  cpuUs: 0,
  maxRssKb: 0,
  stdoutBytes: 0,
  stderrBytes: 0,
}
const facts = { program: '/opt/solver', cwd: '/data', timeoutMs: 2_000, stdoutCap: 10 }
const { SIGTERM, SIGKILL, SIGSEGV } = constants.signals
const killed = { code: -1, signal: SIGTERM }

const table: [string, Partial<DoneFrame>, Verdict, RegExp | undefined][] = [
  ['exit code 0', {}, 'ok', undefined],
  ['exit code 0, output dropped', { flags: DONE_FLAGS.stdoutTruncated }, 'ok', undefined],
  ['exit code 0, background child ended', { flags: DONE_FLAGS.leaked }, 'ok', undefined],
  ['another exit code', { code: 3 }, 'exit', /exit code 3/],
  ['a signal', { code: -1, signal: SIGSEGV }, 'signal', /SIGSEGV, which nobody here sent\.$/],
  ['the kernel', { code: -1, signal: SIGKILL }, 'signal', /out of memory/],
  ['our time limit', { ...killed, flags: DONE_FLAGS.timedOut }, 'timeout', /longer than 2 s/],
  ['our time limit, then exit code 0', { flags: DONE_FLAGS.timedOut }, 'timeout', /longer/],
  ['our request', { ...killed, flags: DONE_FLAGS.killed }, 'cancelled', /on request/],
  ['our request, then exit code 0', { flags: DONE_FLAGS.killed }, 'cancelled', /on request/],
  ['our request before it began', { pid: 0, code: -1, flags: DONE_FLAGS.killed }, 'cancelled', /on request/],
  ['our cap', { ...killed, flags: DONE_FLAGS.capped | DONE_FLAGS.stdoutTruncated }, 'output-cap', /more than 10 bytes/],
  ['no program', { pid: 0, code: -1, errno: constants.errno.ENOENT }, 'launch-failed', /does not exist.*ENOENT/],
  ['no exit code and no signal', { code: -1 }, 'signal', /nobody here/],
]

const { SIGABRT, SIGXCPU, SIGXFSZ } = constants.signals
const limits = { memoryBytes: 100 * 1024 * 1024, cpuSeconds: 9, fileBytes: 5_000 }
const usage = DONE_FLAGS.usage
const spill = { spillFile: '/spill/1.out', maxSpillBytes: 50 }
const spillFailed = { ...killed, flags: DONE_FLAGS.capped | DONE_FLAGS.spillFailed }

const ofLimits: [string, Partial<DoneFrame>, Partial<RunFacts>, Verdict, RegExp | undefined][] = [
  ['CPU time', { code: -1, signal: SIGXCPU }, { limits }, 'limit', /more than 9 s of CPU time \(cpu_seconds/],
  ['CPU time of somebody else’s limit', { code: -1, signal: SIGXCPU }, {}, 'limit', /more than its limit of CPU time/],
  ['CPU time, unheeded', { code: -1, signal: SIGKILL, flags: usage, cpuUs: 8e6 }, { limits }, 'limit', /8\.0 s of CPU/],
  [
    'little CPU time, SIGKILL',
    { code: -1, signal: SIGKILL, flags: usage, cpuUs: 6e6 },
    { limits },
    'signal',
    /nobody here/,
  ],
  ['CPU time that is not measured', { code: -1, signal: SIGKILL, cpuUs: 8e6 }, { limits }, 'signal', /nobody here/],
  ['a large file', { code: -1, signal: SIGXFSZ }, { limits }, 'limit', /larger than 5000 bytes \(file_bytes/],
  [
    'memory, close',
    { code: -1, signal: SIGABRT, flags: usage, maxRssKb: 82_000 },
    { limits },
    'oom',
    /82000 KiB in use/,
  ],
  [
    'memory, far',
    { code: -1, signal: SIGABRT, flags: usage, maxRssKb: 81_000 },
    { limits },
    'signal',
    /memory limit of 104857600/,
  ],
  [
    'memory, SIGTERM',
    { ...killed, flags: usage, maxRssKb: 99_000 },
    { limits },
    'signal',
    /SIGTERM, which nobody here sent\.$/,
  ],
  ['memory, exit code', { code: 1, flags: usage, maxRssKb: 99_000 }, { limits }, 'exit', /exit code 1/],
  ['the kernel, and it counted', { code: -1, signal: SIGKILL }, { outOfMemory: true }, 'oom', /no memory left/],
  [
    'our time limit, whatever it used',
    { code: -1, signal: SIGKILL, flags: usage | DONE_FLAGS.timedOut, cpuUs: 9e9 },
    { limits },
    'timeout',
    /longer/,
  ],
  [
    'spilling, too much',
    { ...spillFailed, errno: constants.errno.EFBIG },
    spill,
    'output-cap',
    /max_spill_bytes \(50\)/,
  ],
  ['spilling, no room', { ...spillFailed, errno: constants.errno.ENOSPC }, spill, 'output-cap', /full \(ENOSPC\)/],
  [
    'spilling, another reason',
    { ...spillFailed, errno: constants.errno.EIO },
    spill,
    'output-cap',
    /spill_dir \(EIO\)/,
  ],
]

describe('the verdict, with limits', () => {
  it.each(ofLimits)('%s', (_, done, more, verdict, message) => {
    const nothing = Buffer.alloc(0)
    const report = { kind: 'done' as const, done: { ...base, ...done }, stdout: nothing, stderr: nothing }
    const outcome = outcomeOf(report, { ...facts, ...more })
    expect(outcome.verdict).toBe(verdict)
    expect(outcome.message).toMatch(message ?? '')
    expect(outcome.stdoutFile).toBeUndefined()
  })

  it('names the file of spilled output with its size', () => {
    const nothing = Buffer.alloc(0)
    const done = { ...base, flags: DONE_FLAGS.spilled, stdoutBytes: 40 }
    const outcome = outcomeOf({ kind: 'done', done, stdout: nothing, stderr: nothing }, { ...facts, ...spill })
    expect(outcome).toMatchObject({ verdict: 'ok', stdoutFile: { path: '/spill/1.out', bytes: 40 } })
  })
})

describe('the verdict', () => {
  it.each(table)('%s', (_, done, verdict, message) => {
    const frame = { ...base, ...done }
    expect(verdictOf(frame)).toBe(verdict)
    const nothing = Buffer.alloc(0)
    const outcome = outcomeOf({ kind: 'done', done: frame, stdout: nothing, stderr: nothing }, facts)
    expect(outcome.verdict).toBe(verdict)
    expect(outcome.wallMs).toBe(1.5)
    if (message === undefined) expect(outcome.message).toBeUndefined()
    else expect(outcome.message).toMatch(message)
  })

  it('is host-lost where the launcher died', () => {
    const nothing = Buffer.alloc(0)
    const outcome = outcomeOf({ kind: 'lost', pid: 5, stdout: nothing, stderr: nothing }, facts)
    expect(outcome).toMatchObject({ verdict: 'host-lost', pid: 5, exitCode: null })
  })

  it('is no fault of the task where no launcher was there to take it', () => {
    const outcome = outcomeOf({ kind: 'none' }, facts)
    expect(outcome).toMatchObject({ verdict: 'launch-failed', pid: null })
    expect(launchFault(outcome)).toBe('resources')
  })

  it('reports usage only where it was measured', () => {
    const nothing = Buffer.alloc(0)
    const measured = { ...base, flags: DONE_FLAGS.usage, cpuUs: 10, maxRssKb: 900 }
    expect(outcomeOf({ kind: 'done', done: measured, stdout: nothing, stderr: nothing }, facts)).toMatchObject({
      cpuUs: 10,
      maxRssKb: 900,
    })
    expect(outcomeOf({ kind: 'done', done: base, stdout: nothing, stderr: nothing }, facts).cpuUs).toBeUndefined()
  })
})

describe('a failed launch', () => {
  const failed = (errno: string, launchPart: LaunchPart = 'program'): string | null => {
    const nothing = Buffer.alloc(0)
    const ok = outcomeOf({ kind: 'done', done: base, stdout: nothing, stderr: nothing }, facts)
    return launchFault({ ...ok, verdict: 'launch-failed', errno, launchPart })
  }

  it('is the fault of the program, the machine or the task', () => {
    for (const errno of ['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'ENOEXEC', 'ELOOP'])
      expect(failed(errno)).toBe('program')
    for (const errno of ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']) expect(failed(errno)).toBe('resources')
    expect(failed('E2BIG', 'arguments')).toBe('task')
    for (const part of ['cwd', 'stdin', 'limits'] as const) expect(failed('ENOENT', part)).toBe('task')
    expect(failed('ECONNREFUSED', 'dial')).toBe('resources')
  })

  it('says which part it was', () => {
    expect(launchSentence('ENOENT', 'cwd', facts)).toBe(
      '/opt/solver was not started: its working directory /data does not exist (ENOENT).',
    )
    expect(launchSentence('EACCES', 'program', facts)).toContain('chmod +x')
    expect(launchSentence('ENOENT', 'stdin', { ...facts, stdinFile: '/in' })).toBe(
      '/opt/solver was not started: /in cannot be its stdin: it does not exist (ENOENT).',
    )
    expect(launchSentence('ENOSYS', 'limits', facts)).toContain('native launchers')
    expect(launchSentence('EPERM', 'limits', facts)).toContain('cannot be set (EPERM)')
    expect(launchSentence('ECONNREFUSED', 'dial', facts)).toContain('connection to this worker')
    expect(launchSentence('EWHATEVER', 'program', facts)).toContain('the system refused (EWHATEVER)')
  })
})
