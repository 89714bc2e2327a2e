import type { DeliveryAction, ErrorAction, Handler, Outputs, TaskLimits, TaskSpec } from '../model/index.ts'
import { DrakkarError } from '../model/index.ts'
import { isTaskSpec } from './define.ts'

/** A hook answered something that it may not answer. */
export class HookReturnError extends Error {
  constructor(hook: string, got: unknown, expected: string) {
    super(`${hook} returned ${describe(got)}; expected ${expected}`)
    this.name = 'HookReturnError'
  }
}

const HOOKS = [
  'arrange',
  'run',
  'onTaskComplete',
  'onMessageComplete',
  'onWindowComplete',
  'onError',
  'onDeliveryError',
  'onStartup',
  'onReady',
  'onAssign',
  'onRevoke',
  'messageLabel',
  'taskPriority',
] as const

/** Names from the Python framework that a handler may still carry, and what to write instead. */
const RENAMED: Readonly<Record<string, string>> = {
  collect: 'onTaskComplete',
  on_task_complete: 'onTaskComplete',
  on_message_complete: 'onMessageComplete',
  on_window_complete: 'onWindowComplete',
  on_error: 'onError',
  on_delivery_error: 'onDeliveryError',
  on_startup: 'onStartup',
  on_ready: 'onReady',
  on_assign: 'onAssign',
  on_revoke: 'onRevoke',
  message_label: 'messageLabel',
  task_priority: 'taskPriority',
}

/** The handler in what a module exported; throws HANDLER_INVALID with everything that is wrong with it. */
export function checkHandler(exported: unknown, from: string): Handler {
  const handler = typeof exported === 'function' ? construct(exported as new () => unknown, from) : exported
  if (typeof handler !== 'object' || handler === null) {
    throw invalid(from, [`the default export is ${describe(exported)}`])
  }
  const has = handler as Record<string, unknown>
  const wrong: string[] = []
  for (const [old, now] of Object.entries(RENAMED)) if (old in has) wrong.push(`\`${old}\` is called \`${now}\` here`)
  for (const hook of HOOKS) {
    if (has[hook] !== undefined && typeof has[hook] !== 'function')
      wrong.push(`\`${hook}\` is ${describe(has[hook])}, not a function`)
  }
  if (has['arrange'] === undefined) wrong.push('it has no `arrange`')
  const decode = has['decode']
  if (decode !== undefined && typeof decode !== 'function' && !['json', 'text', 'bytes'].includes(decode as string)) {
    wrong.push(`\`decode\` is ${describe(decode)}, not 'json', 'text', 'bytes' or a function`)
  }
  const input = has['input'] as { '~standard'?: { validate?: unknown } } | undefined
  if (input !== undefined && typeof input['~standard']?.validate !== 'function') {
    wrong.push('`input` is not a Standard Schema (zod, valibot, arktype, …)')
  }
  wrong.push(...checkPeriodic(has['periodic']))
  if (wrong.length > 0) throw invalid(from, wrong)
  return handler as Handler
}

function construct(type: new () => unknown, from: string): unknown {
  if (typeof type.prototype?.arrange === 'function') return new type()
  throw invalid(from, ['the default export is a function, not a handler'])
}

function checkPeriodic(periodic: unknown): string[] {
  if (periodic === undefined) return []
  if (typeof periodic !== 'object' || periodic === null)
    return [`\`periodic\` is ${describe(periodic)}, not an object of named runs`]
  const wrong: string[] = []
  for (const [name, entry] of Object.entries(periodic)) {
    const { everySeconds, run } = (entry ?? {}) as { everySeconds?: unknown; run?: unknown }
    if (typeof run !== 'function') wrong.push(`\`periodic.${name}.run\` is not a function`)
    if (typeof everySeconds !== 'number' || !(everySeconds > 0))
      wrong.push(`\`periodic.${name}.everySeconds\` must be a number above 0`)
  }
  return wrong
}

function invalid(from: string, wrong: readonly string[]): DrakkarError {
  return new DrakkarError('HANDLER_INVALID', `${from} is not a handler: ${wrong.join('; ')}`, {
    advice:
      'Export it as default: `export default defineHandler({ arrange: (messages) => messages.map((m) => task(m, { … })) })`.',
  })
}

/** What `arrange` may answer. */
export function checkTasks(hook: string, returned: unknown): readonly TaskSpec[] {
  if (!Array.isArray(returned)) throw new HookReturnError(hook, returned, 'an array of task(…)')
  for (const [index, spec] of (returned as unknown[]).entries()) {
    if (!isTaskSpec(spec)) throw new HookReturnError(hook, spec, `a task made by task(…) at index ${index}`)
    if (spec.messages.length === 0)
      throw new HookReturnError(hook, spec.messages, `at least one message in the task at index ${index}`)
    for (const [field, fits, expected] of TASK_FIELDS) {
      const value = spec[field]
      if (value !== undefined && !fits(value))
        throw new HookReturnError(hook, value, `\`${field}\` as ${expected} in the task at index ${index}`)
    }
  }
  return returned as readonly TaskSpec[]
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isStdin = (value: unknown): boolean =>
  typeof value === 'string' || value instanceof Uint8Array || isText((value as { file?: unknown } | null)?.file)
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const LIMITS: ReadonlySet<string> = new Set([
  'memoryBytes',
  'cpuSeconds',
  'fileBytes',
  'openFiles',
  'processes',
  'coreBytes',
] satisfies (keyof TaskLimits)[])
const areLimits = (value: unknown): boolean =>
  isRecord(value) && Object.entries(value as object).every(([name, most]) => LIMITS.has(name) && isCount(most))
const isTextMap = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every((entry) => typeof entry === 'string')
const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null

const OUTPUT_CAPS: ReadonlySet<string> = new Set(['fail', 'truncate', 'spill'])
const RUNNERS: ReadonlySet<string> = new Set(['exec', 'pool', 'function'])

/** What `task()` lets through from handlers that are not type-checked. */
const TASK_FIELDS: readonly (readonly [keyof TaskSpec, (value: unknown) => boolean, string])[] = [
  ['id', isText, 'text'],
  ['args', (value) => Array.isArray(value) && value.every((arg) => typeof arg === 'string'), 'an array of strings'],
  ['stdin', isStdin, 'text, bytes or { file }'],
  ['env', isTextMap, 'an object of strings'],
  ['cwd', isText, 'a path'],
  ['okExitCodes', (value) => Array.isArray(value) && value.every(isCount), 'an array of exit codes'],
  ['runner', (value) => RUNNERS.has(value as string), "'exec', 'pool' or 'function'"],
  ['binary', isText, 'a path or a name'],
  ['timeoutMs', (value) => typeof value === 'number' && value > 0, 'milliseconds above 0'],
  ['graceMs', (value) => typeof value === 'number' && value >= 0, 'milliseconds'],
  ['maxStdoutBytes', isCount, 'bytes, 0 or more'],
  ['maxStderrBytes', isCount, 'bytes, 0 or more'],
  ['onOutputCap', (value) => OUTPUT_CAPS.has(value as string), "'fail', 'truncate' or 'spill'"],
  ['limits', areLimits, `an object of whole numbers with names of ${[...LIMITS].join(', ')}`],
  ['nice', (value) => isCount(value) && (value as number) <= 19, 'a whole number from 0 to 19'],
  ['scratch', (value) => typeof value === 'boolean', 'true or false'],
  ['labels', isTextMap, 'an object of strings'],
  ['precomputed', isRecord, 'an object'],
]

/** What `onError` may answer, with the short forms spelled out. */
export type CheckedAction =
  | { readonly kind: 'retry'; readonly afterMs: number | null }
  | { readonly kind: 'skip' }
  | { readonly kind: 'dead-letter' }
  | { readonly kind: 'replace'; readonly specs: readonly TaskSpec[] }

export function checkAction(returned: ErrorAction | undefined): CheckedAction {
  if (returned === 'retry') return { kind: 'retry', afterMs: null }
  if (returned === 'skip' || returned === 'dead-letter') return { kind: returned }
  if (isTaskSpec(returned)) return { kind: 'replace', specs: [returned] }
  if (Array.isArray(returned)) return { kind: 'replace', specs: checkTasks('onError', returned) }
  const afterMs = (returned as { retryAfterMs?: unknown } | undefined | null)?.retryAfterMs
  if (typeof afterMs === 'number' && afterMs >= 0 && Number.isFinite(afterMs)) return { kind: 'retry', afterMs }
  throw new HookReturnError(
    'onError',
    returned,
    "'retry', { retryAfterMs }, 'skip', 'dead-letter' or replacement tasks",
  )
}

export function checkDeliveryAction(returned: unknown): DeliveryAction {
  if (returned === 'retry' || returned === 'skip' || returned === 'dead-letter') return returned
  throw new HookReturnError('onDeliveryError', returned, "'retry', 'skip' or 'dead-letter'")
}

/** What the three completion hooks may answer. Payloads themselves are checked by their sinks. */
export function checkOutputs(hook: string, returned: unknown): Outputs | undefined {
  if (returned === undefined || returned === null) return undefined
  if (typeof returned !== 'object' || Array.isArray(returned)) {
    throw new HookReturnError(hook, returned, 'nothing, or an object of payload lists such as { kafka: [{ data }] }')
  }
  for (const [kind, payloads] of Object.entries(returned)) {
    if (payloads !== undefined && !Array.isArray(payloads))
      throw new HookReturnError(hook, payloads, `a list under \`${kind}\``)
  }
  return returned as Outputs
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value instanceof Promise) return 'a promise'
  return value === undefined ? 'nothing' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
