import { tmpdir } from 'node:os'
import type { Config } from '../config/index.ts'
import { ExecRunner, type Launchers, type Runner, type RunSettings } from '../flow/executor/index.ts'
import type { TaskLimits } from '../model/index.ts'

/** The runner that starts a process for each task, as `executor` says. */
export function buildExec(
  executor: Config['executor'],
  env: Readonly<Record<string, string | undefined>>,
  launchers: Launchers,
): Runner {
  const temporary = tmpdir()
  return new ExecRunner({
    launchers,
    defaultBinary: executor.binaryPath ?? null,
    parent: env,
    inheritParent: executor.envInheritParent,
    deny: executor.envInheritDeny,
    env: executor.env,
    timeoutMs: executor.taskTimeoutSeconds * 1000,
    graceMs: executor.killGraceSeconds * 1000,
    maxStdoutBytes: executor.maxStdoutBytes,
    maxStderrBytes: executor.maxStderrBytes,
    onOutputCap: executor.onOutputCap,
    spillFolder: executor.spillDir ?? executor.scratchDir ?? temporary,
    maxSpillBytes: executor.maxSpillBytes,
    scratchFolder: executor.scratchDir ?? temporary,
    ...settingsOf(executor),
  })
}

/** What every process that is started for tasks gets before it begins. */
export function settingsOf(executor: Config['executor']): RunSettings {
  return {
    limits: limitsOf(executor.limits),
    nice: executor.nice,
    umask: executor.umask === undefined ? null : Number.parseInt(executor.umask, 8),
    runAs: executor.runAs ?? null,
  }
}

/** Only what is set: a limit that is not there is none. */
function limitsOf(limits: Config['executor']['limits']): TaskLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, most]) => most !== undefined && most !== null))
}
