import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  ExecRunner,
  type ExecRunnerOptions,
  type Launchers,
  type LaunchersOptions,
  startLaunchers,
} from '../../src/flow/executor/index.ts'
import { nativeLauncher } from '../../src/flow/executor/launcher/launcher-program.ts'
import { toTask } from '../../src/flow/pipeline/make-tasks.ts'
import { systemClock } from '../../src/lib/index.ts'
import type { DrakkarError, Outcome, Task, TaskOptions, WorkerEvent } from '../../src/model/index.ts'

/** `DRAKKAR_TEST_LAUNCHERS`: another list of native launchers to test, as `npm run prepack` writes it into dist/launcher. */
const nativeLaunchers =
  process.env['DRAKKAR_TEST_LAUNCHERS'] ??
  fileURLToPath(new URL('../../.cache/launcher/launchers.json', import.meta.url))
const native = nativeLauncher(nativeLaunchers)
/** Its file. */
export const NATIVE: string | null = typeof native === 'string' ? null : native.command
/** Why there is no native launcher in this tree; null where there is one. */
export const NO_NATIVE: string | null = typeof native === 'string' ? native : null
export interface LauncherUnderTest {
  readonly name: string
  readonly options: Pick<LaunchersOptions, 'kind' | 'nativeLaunchers'>
}

export const NATIVE_OPTIONS: LauncherUnderTest['options'] = { kind: 'native', nativeLaunchers }
/** All of them have to do the same. */
export const LAUNCHERS: readonly LauncherUnderTest[] = [
  ...(NO_NATIVE === null ? [{ name: 'native', options: NATIVE_OPTIONS }] : []),
  { name: 'node', options: { kind: 'node' } },
]

/** For a subshell: goes on as soon as the script itself has exited, whether it is reaped or not. */
export const AFTER_EXIT = 'while read -r _ _ s _ < /proc/$$/stat && [ "$s" != Z ]; do :; done 2>/dev/null'

/** A task as a window would make it. */
export function taskOf(options: TaskOptions): Task {
  return toTask({ ...options, messages: [] }, [], options.id ?? randomUUID())
}

/** Waits until something holds, looking every few milliseconds; fails after the limit. */
export async function until(what: string, holds: () => boolean, limitMs = 10_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Living processes that carry `mark` in their environment: whatever a task left, in any group or session. */
export function markedProcesses(mark: string): number[] {
  return pids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)
    } catch {
      return false
    }
  })
}

export function pids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1)
}

/** State letter and parent of a process; null where it is gone. */
export function statOf(pid: number): { readonly state: string; readonly parent: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: state ?? '', parent: Number(parent) }
  } catch {
    return null
  }
}

export function childrenOf(pid: number): number[] {
  return pids().filter((child) => statOf(child)?.parent === pid)
}

/** Where each open descriptor of a process leads. */
export function openFiles(pid: number | 'self'): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      return []
    }
  })
}

export interface Bench extends AsyncDisposable {
  readonly launchers: Launchers
  /** What its runner was made from. */
  readonly options: ExecRunnerOptions
  readonly runner: ExecRunner
  readonly events: WorkerEvent[]
  readonly failures: DrakkarError[]
  /** Every process of a task of this bench carries it. */
  readonly mark: string
  launcherPids(): number[]
  run(options: TaskOptions, signal?: AbortSignal): Promise<Outcome>
  /** A script for sh. */
  sh(script: string, options?: TaskOptions, signal?: AbortSignal): Promise<Outcome>
}

/** Real launchers and a runner on them. */
export async function bench(
  options: Partial<ExecRunnerOptions> = {},
  hub: Partial<LaunchersOptions> = {},
): Promise<Bench> {
  const events: WorkerEvent[] = []
  const failures: DrakkarError[] = []
  const mark = `mark-${randomUUID()}`
  const count = hub.count ?? 2
  const launchers = await startLaunchers({
    count,
    env: process.env,
    clock: systemClock,
    announce: (event) => events.push(event),
    failed: (error) => failures.push(error),
    ...hub,
  })
  await until('all launchers are ready', () => launchers.readyCount === count)
  const all: ExecRunnerOptions = {
    launchers,
    defaultBinary: '/bin/sh',
    parent: { PATH: process.env['PATH'] },
    inheritParent: true,
    deny: [],
    env: { DRAKKAR_TEST_MARK: mark },
    timeoutMs: 20_000,
    graceMs: 200,
    maxStdoutBytes: 1024 * 1024,
    maxStderrBytes: 64 * 1024,
    onOutputCap: 'fail',
    ...options,
  }
  const runner = new ExecRunner(all)
  await runner.start()
  const run = (task: TaskOptions, signal: AbortSignal = new AbortController().signal): Promise<Outcome> =>
    runner.run(taskOf(task), signal)
  return {
    launchers,
    options: all,
    runner,
    events,
    failures,
    mark,
    launcherPids: () => {
      const pidOf = new Map<number, number>()
      for (const event of events) if (event.type === 'launcher_started') pidOf.set(event.index, event.pid)
      return [...pidOf.entries()].toSorted(([a], [b]) => a - b).map(([, pid]) => pid)
    },
    run,
    sh: (script, task = {}, signal = new AbortController().signal) => run({ ...task, args: ['-c', script] }, signal),
    [Symbol.asyncDispose]: () => runner.stop(),
  }
}
