import type { Config } from '../config/index.ts'
import { FunctionRunner, type Launchers, type Runner, Runners, ThreadRunner } from '../flow/executor/index.ts'
import type { Hooks } from '../handler/index.ts'
import { systemClock as clock } from '../lib/index.ts'
import { type Announce, DrakkarError, type RunnerName } from '../model/index.ts'
import { buildExec } from './exec.ts'
import { buildPool } from './pool.ts'

/** What runners are built from. */
export interface RunnerParts {
  readonly config: Config
  readonly env: Readonly<Record<string, string | undefined>>
  readonly launchers: Launchers
  readonly hooks: Pick<Hooks, 'run'>
  readonly announce: Announce
}

/** Every runner that is configured, behind one. Throws CONFIG_INVALID where the one of `executor.runner` is not. */
export function buildRunners(parts: RunnerParts): Runner {
  const { executor } = parts.config
  const functions = buildFunction(parts)
  const pool = buildPool(executor, parts.env, parts.launchers, parts.announce)
  const runners: Partial<Record<RunnerName, Runner>> = {
    exec: buildExec(executor, parts.env, parts.launchers),
    ...(pool === null ? {} : { pool }),
    ...(functions === null ? {} : { function: functions }),
  }
  if (runners[executor.runner] === undefined) {
    throw new DrakkarError('CONFIG_INVALID', `executor.runner is ${executor.runner}, which is not configured`, {
      advice: ADVICE[executor.runner],
    })
  }
  return new Runners({ runners, fallback: executor.runner, defaultBinary: executor.binaryPath ?? null })
}

const ADVICE: Readonly<Record<RunnerName, string>> = {
  exec: '',
  pool: 'Set executor.pool.binary_path.',
  function: 'Give the handler a `run` hook, or set executor.function.file.',
}

/** The module in threads where one is named, else the handler's `run`; null where there is neither. */
function buildFunction({ config: { executor }, hooks, announce }: RunnerParts): Runner | null {
  const { file, threads, maxHeapMb, noProgressSeconds } = executor.function
  const shared = {
    clock,
    timeoutMs: executor.taskTimeoutSeconds * 1000,
    noProgressMs: noProgressSeconds * 1000,
    maxStdoutBytes: executor.maxStdoutBytes,
    maxStderrBytes: executor.maxStderrBytes,
    // What a function returns is in memory: nothing of it is spilled.
    onOutputCap: executor.onOutputCap === 'truncate' ? ('truncate' as const) : ('fail' as const),
  }
  if (file != null) {
    const size = { threads: threads ?? executor.maxExecutors, followsSlots: threads == null }
    return new ThreadRunner({ ...shared, ...size, file, maxHeapMb })
  }
  const { run: call } = hooks
  if (call === undefined) return null
  return new FunctionRunner({ ...shared, call, announce, graceMs: executor.killGraceSeconds * 1000 })
}
