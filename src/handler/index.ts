/**
 * handler: the only caller of user code: decoding, hooks with deadlines, checks of what came back.
 * It never decides what a failure means for a message; that is the pipeline's.
 */
export { type CheckedAction, checkHandler, HookReturnError } from './check.ts'
export { createParse, type Parse, type Parsed } from './decode.ts'
export { defineHandler, isTaskSpec, stableTaskId, task, taskId } from './define.ts'
export { guardUserCode } from './guard.ts'
export { Hooks, type HooksOptions, HookTimeoutError } from './hooks.ts'
export { startPeriodic } from './periodic.ts'
export { currentPlace, describePlace, type Place, type Subject } from './place.ts'
export type { Blocked } from './watchdog/thread.ts'
export { startWatchdog, type Watchdog, type WatchdogOptions } from './watchdog/watchdog.ts'
