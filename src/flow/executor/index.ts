/**
 * executor: runs tasks: slots shared by all partitions, runners, and the launchers that start programs.
 * Owns every process that the worker starts, and that none of them outlives it.
 * Never decides what a failed task means, never knows messages or offsets, and never forks but for the first launcher.
 */

export type { CancelSignal } from './cancellation.ts'
export { baseEnvironment, type EnvironmentOptions } from './environment.ts'
export { ExecRunner, type ExecRunnerOptions } from './exec-runner.ts'
export { createExecutor, type ExecutorOptions, type ResizableExecutor } from './executor.ts'
export { discardFiles, hasFiles } from './files/index.ts'
export { FunctionRunner, type FunctionRunnerOptions } from './function/in-process.ts'
export { ThreadRunner, type ThreadRunnerOptions } from './function/threads.ts'
export type { LaunchRetry } from './launch-blocks.ts'
export { type Launchers, type LaunchersOptions, startLaunchers } from './launcher/launchers.ts'
export { isForeignFormat, resolveProgram } from './launcher/program-format.ts'
export { PoolRunner, type PoolRunnerOptions } from './pool/pool-runner.ts'
export { type Heard, Probe } from './pool/probe.ts'
export { type RunSettings, settingsProblem } from './run-settings.ts'
export type { Executor, Run, Runner, SubmitOptions } from './runner.ts'
export { Runners, type RunnersOptions } from './runners.ts'
