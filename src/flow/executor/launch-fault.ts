import type { LaunchPart, Outcome } from '../../model/index.ts'

/**
 * Whose fault a failed launch is. `program`: the file; every task that wants it fails alike. `resources`: the machine,
 * for now. `task`: what this one asked for (its arguments, its working directory).
 */
export type LaunchFault = 'program' | 'resources' | 'task'

const RESOURCES: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'])
const TASK: ReadonlySet<string> = new Set(['E2BIG', 'EINVAL'])

const OF_TASK: ReadonlySet<LaunchPart> = new Set(['cwd', 'arguments', 'stdin', 'limits'])

/** Null for every outcome but a failed launch. */
export function launchFault(outcome: Outcome): LaunchFault | null {
  if (outcome.verdict !== 'launch-failed') return null
  const errno = outcome.errno ?? ''
  // Its connection goes to this worker: what is in the way passes.
  if (RESOURCES.has(errno) || outcome.launchPart === 'dial') return 'resources'
  return TASK.has(errno) || OF_TASK.has(outcome.launchPart ?? 'program') ? 'task' : 'program'
}
