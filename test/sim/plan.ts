import { seededRandom } from '../../src/lib/index.ts'

/** What a message's hooks and programs do; a pure function of the seed and the message's number. */
export interface MessagePlan {
  readonly kind: 'tasks' | 'joined' | 'unparsable' | 'arrange-throws'
  readonly tasks: readonly TaskPlan[]
  /** `onMessageComplete` throws so often before it answers; `never` never answers. */
  readonly messageHookThrows: number | 'always'
  /** Payloads that `onMessageComplete` returns. */
  readonly messageOutputs: number
}

export interface TaskPlan {
  readonly durationMs: number
  readonly precomputed: boolean
  /** Runs that fail before one is ok. */
  readonly failures: number | 'always'
  readonly onError: 'retry' | 'skip' | 'dead-letter' | 'replace' | 'throw'
  /** Of a replaced task: what its replacements do. */
  readonly replacements: readonly ('ok' | 'fails')[]
  /** `onTaskComplete` throws so often before it answers. */
  readonly hookThrows: number | 'always'
  readonly outputs: number
  /** The sink refuses its first payload for good. */
  readonly refused: boolean
  readonly onDeliveryError: 'skip' | 'dead-letter' | 'throw'
}

/** How messages can end. */
export type Expected = 'delivered' | 'dead' | 'dropped'

/** Runs of a task beyond the first, and repeats of a hook. */
export const MAX_RETRIES = 3

const HEALTHY: TaskPlan = {
  durationMs: 100,
  precomputed: false,
  failures: 0,
  onError: 'retry',
  replacements: [],
  hookThrows: 0,
  outputs: 1,
  refused: false,
  onDeliveryError: 'dead-letter',
}

/** Makes the plans of a world. Few messages are of a kind that would hold a partition if there were many of them. */
export function planner(seed: number): (number: number) => MessagePlan {
  const plans: MessagePlan[] = []
  const random = seededRandom(seed * 7 + 3)
  let rare = 0
  const scarce = (share: number): boolean => {
    if (random() >= share || rare >= 2) return false
    rare += 1
    return true
  }
  const next = (): MessagePlan => {
    const base = { tasks: [], messageHookThrows: 0, messageOutputs: 0 } as const
    if (scarce(0.05)) return { ...base, kind: 'arrange-throws' }
    if (random() < 0.04) return { ...base, kind: 'unparsable' }
    if (random() < 0.1) return { ...base, kind: 'joined', tasks: [{ ...HEALTHY, durationMs: duration(random) }] }
    const count = random() < 0.1 ? 0 : random() < 0.7 ? 1 : 2 + Math.floor(random() * 2)
    const troubled = random() < 0.3
    return {
      kind: 'tasks',
      tasks: Array.from({ length: count }, () => taskPlan(random, troubled, scarce)),
      messageHookThrows:
        troubled && random() < 0.2 ? (random() < 0.3 ? 'always' : 1 + Math.floor(random() * MAX_RETRIES)) : 0,
      messageOutputs: random() < 0.4 ? 1 : 0,
    }
  }
  return (number) => {
    while (plans.length <= number) plans.push(next())
    return plans[number] as MessagePlan
  }
}

function taskPlan(random: () => number, troubled: boolean, scarce: (share: number) => boolean): TaskPlan {
  const outputs = Math.floor(random() * 3)
  const plain: TaskPlan = { ...HEALTHY, durationMs: duration(random), precomputed: random() < 0.1, outputs }
  if (outputs > 0 && scarce(0.04)) {
    return { ...plain, refused: true, onDeliveryError: pick(random, ['skip', 'dead-letter', 'throw']) }
  }
  if (!troubled) return plain
  const hookThrows = random() < 0.25 ? (random() < 0.2 ? 'always' : 1 + Math.floor(random() * MAX_RETRIES)) : 0
  return {
    ...plain,
    precomputed: false,
    failures: hookThrows !== 0 ? 0 : random() < 0.3 ? 'always' : 1 + Math.floor(random() * MAX_RETRIES),
    onError: pick(random, ['retry', 'retry', 'retry', 'skip', 'dead-letter', 'replace', 'throw']),
    replacements: pick(random, [[], ['ok'], ['ok', 'ok'], ['ok', 'fails']] as const),
    hookThrows,
  }
}

function duration(random: () => number): number {
  return random() < 0.05 ? 8_000 : random() < 0.3 ? 0 : Math.floor(random() ** 2 * 3_000)
}

function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T
}

/** Tasks and payloads without which the message is not delivered, and how it must end. Written anew, not taken from the flow. */
export interface Expectation {
  readonly end: Expected
  /** Ids of tasks (below the message) that must have ended ok. */
  readonly tasks: readonly string[]
  /** Ids of payloads that must have been acknowledged. */
  readonly payloads: readonly string[]
}

/**
 * What must come of a message at this place, worked out from its plan alone. `place` is `<topic>:<partition>:<offset>`;
 * `atomic`: what dies before it is delivered leaves no payload; `transactional`: nor does what dies of a refusal.
 */
export function expectation(
  plan: MessagePlan,
  place: string,
  sink: string,
  how: { readonly atomic: boolean; readonly transactional: boolean },
): Expectation {
  if (plan.kind === 'unparsable' || plan.kind === 'arrange-throws') return { end: 'dead', tasks: [], payloads: [] }
  const tasks: string[] = []
  const payloads: string[] = []
  let dead = false
  let refused = false
  let dropped = false
  const finish = (id: string, outputs: number, refusedFirst: boolean): void => {
    tasks.push(id)
    for (let n = refusedFirst ? 1 : 0; n < outputs; n += 1) payloads.push(`${id}/${sink}/${n}`)
  }
  plan.tasks.forEach((task, index) => {
    const id = `${place}:${index}`
    const fails = task.failures !== 0 || task.hookThrows !== 0
    const survives = !fails || (task.onError === 'retry' && task.failures !== 'always' && task.hookThrows !== 'always')
    if (survives) {
      finish(id, task.outputs, task.refused)
      if (task.refused && task.onDeliveryError === 'skip') dropped = true
      else if (task.refused) refused = true
    } else if (task.onError === 'skip') dropped = true
    else if (task.onError === 'replace') {
      task.replacements.forEach((replacement, nth) => {
        if (replacement === 'ok') finish(`${id}/r${nth}`, 1, false)
        else dead = true
      })
    } else dead = true
  })
  if (plan.messageHookThrows === 'always') dead = true
  else for (let n = 0; n < plan.messageOutputs; n += 1) payloads.push(`${place}/m/${sink}/${n}`)
  if ((how.atomic && dead) || (how.transactional && refused)) payloads.length = 0
  const end = dead || refused ? 'dead' : dropped ? 'dropped' : 'delivered'
  // A joined task is named after whatever it was joined with; the oracle looks it up in the history.
  return plan.kind === 'joined' ? { end, tasks: [], payloads: [] } : { end, tasks, payloads }
}
