import type { Config } from '../config/index.ts'
import { ExecRunner, type Launchers, type Runner, Runners } from '../flow/executor/index.ts'
import { DrakkarError, type RunnerName } from '../model/index.ts'

/** What runners are built from. */
export interface RunnerParts {
  readonly config: Config
  readonly env: Readonly<Record<string, string | undefined>>
  readonly launchers: Launchers
}

/** Every runner that is configured, behind one. Throws CONFIG_INVALID where the one of `executor.runner` is not. */
export function buildRunners(parts: RunnerParts): Runner {
  const { executor } = parts.config
  const runners: Partial<Record<RunnerName, Runner>> = { exec: buildExec(parts) }
  if (runners[executor.runner] === undefined) {
    throw new DrakkarError('CONFIG_INVALID', `executor.runner is ${executor.runner}, which is not configured`, {
      advice: ADVICE[executor.runner],
    })
  }
  return new Runners({ runners, fallback: executor.runner, defaultBinary: executor.binaryPath ?? null })
}

const ADVICE: Readonly<Record<RunnerName, string>> = {
  exec: '',
  pool: 'Set executor.pool.',
  function: 'Give the handler a `run` hook, or set executor.function.file.',
}

function buildExec({ config: { executor }, env, launchers }: RunnerParts): Runner {
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
  })
}
