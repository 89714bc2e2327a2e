import { accessSync, constants, statSync } from 'node:fs'
import { buildExec } from '../../../app/index.ts'
import type { Config } from '../../../config/index.ts'
import {
  baseEnvironment,
  ExecRunner,
  isForeignFormat,
  type Launchers,
  resolveProgram,
  startLaunchers,
} from '../../../flow/executor/index.ts'
import { systemClock as clock } from '../../../lib/index.ts'
import type { Task, WorkerEvent } from '../../../model/index.ts'
import { type Finding, ok, problem } from './finding.ts'

type Env = Readonly<Record<string, string | undefined>>

const RUNS = 10

/** Starts a launcher and runs a program that does nothing, some times. */
export async function launcherFindings(env: Env): Promise<readonly Finding[]> {
  const events: WorkerEvent[] = []
  const begun = clock.monotonic()
  const announce = (event: WorkerEvent): void => void events.push(event)
  const launchers = await startLaunchers({ count: 1, env, clock, announce, failed: () => undefined })
  const startMs = clock.monotonic() - begun
  try {
    const started = events.find((event) => event.type === 'launcher_started')
    const { kind, reason } = started?.type === 'launcher_started' ? started : { kind: 'unknown', reason: undefined }
    const name = reason === undefined ? kind : `${kind} (no native one: ${reason})`
    const { failure, ms } = await launchesOf(launchers, env)
    if (failure !== null) {
      return [problem('launcher', `${name}, started, but a program could not be run: ${failure}`)]
    }
    const says = `${name}, started in ${startMs.toFixed(0)} ms; a program that does nothing takes ${ms.toFixed(1)} ms`
    return [ok('launcher', says)]
  } finally {
    await launchers.stop()
  }
}

async function launchesOf(launchers: Launchers, env: Env): Promise<{ failure: string | null; ms: number }> {
  const runner = new ExecRunner({
    launchers,
    defaultBinary: 'true',
    parent: env,
    inheritParent: true,
    deny: [],
    env: {},
    timeoutMs: 5_000,
    graceMs: 0,
    maxStdoutBytes: 1024,
    maxStderrBytes: 1024,
    onOutputCap: 'truncate',
  })
  await runner.start()
  const durations: number[] = []
  for (let run = 0; run < RUNS; run += 1) {
    const begun = clock.monotonic()
    const outcome = await runner.run(nothingToDo(run), new AbortController().signal)
    if (outcome.verdict !== 'ok') return { failure: outcome.message ?? `it ended as ${outcome.verdict}`, ms: 0 }
    durations.push(clock.monotonic() - begun)
  }
  durations.sort((a, b) => a - b)
  return { failure: null, ms: durations[RUNS / 2] ?? 0 }
}

function nothingToDo(run: number): Task {
  return { id: `doctor:${run}`, messages: [], args: [], env: {}, metadata: undefined, labels: {} }
}

/** Whether programs can be started with what is configured for them: tried, where anything is. */
export async function controlFindings({ executor }: Config, env: Env): Promise<readonly Finding[]> {
  const asked = ['limits', 'nice', 'umask', 'run_as'].filter((name) => isAsked(executor, name))
  if (asked.length === 0 && executor.onOutputCap !== 'spill') return []
  const says = [...asked, ...(executor.onOutputCap === 'spill' ? ['on_output_cap'] : [])]
  const launchers = await startLaunchers({ count: 1, env, clock, announce: () => undefined, failed: () => undefined })
  const runner = buildExec({ ...executor, binaryPath: 'true' }, env, launchers)
  try {
    await runner.start()
    const { verdict, message } = await runner.run({ ...nothingToDo(0), cwd: '/' }, new AbortController().signal)
    const subject = `a program with executor.${says.join(', executor.')}`
    return verdict === 'ok'
      ? [ok('limits', `${subject} runs`)]
      : [problem('limits', message ?? `${subject}: ${verdict}`)]
  } finally {
    await runner.stop()
  }
}

function isAsked(executor: Config['executor'], name: string): boolean {
  if (name === 'limits') return Object.values(executor.limits).some((most) => most != null)
  return name === 'nice' ? executor.nice > 0 : name === 'umask' ? executor.umask != null : executor.runAs != null
}

/** The programs of the configuration, as a launch would find them. */
export function programFindings({ executor }: Config, parent: Env): readonly Finding[] {
  const { envInheritParent: inheritParent, envInheritDeny: deny, env, binaryPath, pool, runner } = executor
  const path = baseEnvironment({ parent, inheritParent, deny, env })['PATH']
  const named = [
    ...(binaryPath == null ? [] : [['executor.binary_path', binaryPath] as const]),
    ...(pool.binaryPath == null ? [] : [['executor.pool.binary_path', pool.binaryPath] as const]),
  ]
  if (named.length > 0) return named.map(([setting, program]) => programFinding(setting, program, path))
  if (runner === 'function') return [ok('program', 'none is started: tasks are functions')]
  return [ok('program', 'executor.binary_path is not set: each task has to name its own (task(…, { binary }))')]
}

function programFinding(setting: string, program: string, path: string | undefined): Finding {
  const file = resolveProgram(program, path, '')
  const advice = `Correct ${setting}. A worker would start and hold its partitions until the program is there.`
  if (file === null) return problem('program', `${program} is nowhere on the PATH of tasks`, advice)
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) return problem('program', `${file} does not exist`, advice)
  if (!found.isFile()) return problem('program', `${file} is not a file`, advice)
  if (!isExecutable(file)) return problem('program', `${file} is not executable by this user`, `chmod +x ${file}`)
  if (isForeignFormat(program, path, '')) {
    const what = `${file} is neither a program for ${process.arch} nor a script that begins with #!`
    return problem('program', what, 'Put an interpreter into its first line (#!/bin/sh), or build it for this machine.')
  }
  return ok('program', file === program ? file : `${program} is ${file}`)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
