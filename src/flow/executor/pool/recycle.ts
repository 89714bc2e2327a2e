/** When a persistent process has served long enough. 0 = never, of each. */
export interface RecyclePolicy {
  readonly afterTasks: number
  readonly afterMs: number
  readonly maxRssBytes: number
  readonly idleMs: number
}

/** What is known of a process that is ready. */
export interface ServedSoFar {
  readonly tasks: number
  readonly inFlight: number
  readonly ageMs: number
  /** How long nothing was in flight; 0 where something is. */
  readonly idleMs: number
  readonly rssBytes: number
  /** The program was changed since it started. */
  readonly outdated: boolean
}

/** Why a process ends although nothing is wrong with it; the reason is what the log says. */
export type RecycleReason = 'tasks' | 'age' | 'memory' | 'program-changed' | 'idle' | 'surplus'

/** From this share of its tasks on, the next one is being started, so that there is no gap. */
const EARLY = 0.9

/** Why this one should be followed by another, which is started before it goes; null: it stays. */
export function whyReplace(policy: RecyclePolicy, served: ServedSoFar): RecycleReason | null {
  if (served.outdated) return 'program-changed'
  if (policy.afterTasks > 0 && served.tasks >= Math.ceil(policy.afterTasks * EARLY)) return 'tasks'
  if (policy.afterMs > 0 && served.ageMs >= policy.afterMs) return 'age'
  if (policy.maxRssBytes > 0 && served.rssBytes > policy.maxRssBytes) return 'memory'
  return null
}

/** True where it must not be given one task more. */
export function isUsedUp(policy: RecyclePolicy, tasks: number): boolean {
  return policy.afterTasks > 0 && tasks >= policy.afterTasks
}

/** True where it has had nothing to do for long enough to end without a successor. */
export function isIdle(policy: RecyclePolicy, served: ServedSoFar): boolean {
  return policy.idleMs > 0 && served.inFlight === 0 && served.idleMs >= policy.idleMs
}
