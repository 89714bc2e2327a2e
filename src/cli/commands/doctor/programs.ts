import { accessSync, constants, statSync } from 'node:fs'
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

/** The program of tasks that name none, as a launch would find it. */
export function programFindings({ executor }: Config, parent: Env): readonly Finding[] {
  const program = executor.binaryPath
  if (program == null) {
    return [ok('program', 'executor.binary_path is not set: each task has to name its own (task(…, { binary }))')]
  }
  const { envInheritParent: inheritParent, envInheritDeny: deny, env } = executor
  const path = baseEnvironment({ parent, inheritParent, deny, env })['PATH']
  const file = resolveProgram(program, path, '')
  const advice =
    'Correct executor.binary_path. A worker would start and hold its partitions until the program is there.'
  if (file === null) return [problem('program', `${program} is nowhere on the PATH of tasks`, advice)]
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) return [problem('program', `${file} does not exist`, advice)]
  if (!found.isFile()) return [problem('program', `${file} is not a file`, advice)]
  if (!isExecutable(file)) return [problem('program', `${file} is not executable by this user`, `chmod +x ${file}`)]
  if (isForeignFormat(program, path, '')) {
    const what = `${file} is neither a program for ${process.arch} nor a script that begins with #!`
    return [
      problem('program', what, 'Put an interpreter into its first line (#!/bin/sh), or build it for this machine.'),
    ]
  }
  return [ok('program', file === program ? file : `${program} is ${file}`)]
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
