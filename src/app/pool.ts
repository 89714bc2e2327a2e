import type { Config } from '../config/index.ts'
import { type Launchers, PoolRunner, type Runner, type RunSettings } from '../flow/executor/index.ts'
import { systemClock as clock, systemRandom as random } from '../lib/index.ts'
import { type Announce, DrakkarError } from '../model/index.ts'
import { settingsOf } from './exec.ts'

/** Null where no pool is configured. Throws CONFIG_INVALID where it has no program. */
export function buildPool(
  executor: Config['executor'],
  env: Readonly<Record<string, string | undefined>>,
  launchers: Launchers,
  announce: Announce,
): Runner | null {
  const { pool } = executor
  if (executor.runner !== 'pool' && pool.binaryPath == null) return null
  const program = pool.binaryPath ?? executor.binaryPath
  if (program == null) {
    throw new DrakkarError('CONFIG_INVALID', 'executor.pool has no program to run', {
      advice: 'Set executor.pool.binary_path, or executor.binary_path.',
    })
  }
  return new PoolRunner({
    launchers,
    clock,
    random,
    announce,
    program,
    args: pool.args,
    protocol: pool.protocol,
    processes: pool.processes ?? Math.ceil(executor.maxExecutors / pool.inFlight),
    followsSlots: pool.processes == null,
    inFlight: pool.inFlight,
    maxAnswerBytes: pool.maxAnswerBytes,
    readyTimeoutMs: pool.readyTimeoutSeconds * 1000,
    noProgressMs: pool.noProgressSeconds * 1000,
    recycle: {
      afterTasks: pool.recycleAfterTasks,
      afterMs: pool.recycleAfterSeconds * 1000,
      maxRssBytes: pool.maxRssBytes,
      idleMs: pool.idleSeconds * 1000,
    },
    watch: pool.watch,
    settings: settingsOfPool(executor),
    parent: env,
    inheritParent: executor.envInheritParent,
    deny: executor.envInheritDeny,
    env: executor.env,
    timeoutMs: executor.taskTimeoutSeconds * 1000,
    graceMs: executor.killGraceSeconds * 1000,
    maxStdoutBytes: executor.maxStdoutBytes,
    maxStderrBytes: executor.maxStderrBytes,
    // An answer is in memory: nothing of it is spilled.
    onOutputCap: executor.onOutputCap === 'truncate' ? 'truncate' : 'fail',
  })
}

/** As for every program, but without the limit of CPU time: that is for one task, and these take many. */
function settingsOfPool(executor: Config['executor']): RunSettings {
  const settings = settingsOf(executor)
  const { cpuSeconds: _, ...limits } = settings.limits
  return { ...settings, limits }
}
