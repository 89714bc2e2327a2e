import type { TopicPartition, Why, WorkerView } from '../../model/index.ts'

/** What can be asked, one JSON object on one line. `by` says who asks, for the audit. */
export type ControlRequest =
  | { readonly verb: 'status' }
  | { readonly verb: 'cancel'; readonly task: string; readonly by: string }
  | { readonly verb: 'set'; readonly max_executors: number; readonly by: string }
  | { readonly verb: 'pause' | 'resume'; readonly at: TopicPartition; readonly by: string }

/** What is answered, one JSON object on one line. */
export type ControlAnswer =
  | { readonly ok: true; readonly said: string }
  | { readonly ok: true; readonly status: WorkerStatus }
  | { readonly ok: false; readonly why: string }

/** Everything that `drakkar status` shows. */
export interface WorkerStatus {
  readonly version: string
  readonly pid: number
  readonly group: string
  readonly uptimeMs: number
  readonly view: WorkerView
  /** One for each partition of the view, in its order. */
  readonly whys: readonly Why[]
  /** The longest first; at most `MAX_RUNS` of them. */
  readonly runs: readonly RunRow[]
  readonly launchers: readonly { readonly index: number; readonly kind: string; readonly pid: number }[]
  readonly rates: Rates
  readonly counts: Counts
}

/** A run that is under way. */
export interface RunRow extends TopicPartition {
  readonly taskId: string
  readonly offset: number | null
  readonly attempt: number
  readonly slot: number | null
  readonly pid: number | null
  readonly forMs: number
}

/** Since the worker's start. */
export interface Counts {
  readonly messages: number
  readonly tasks: number
  readonly failed: number
}

/** By the second, of the last `seconds`. */
export interface Rates {
  readonly seconds: number
  readonly messages: number
  readonly tasks: number
  readonly failed: number
}

/** Longest line that is taken, bytes. */
export const MAX_REQUEST: number = 64 * 1024
/** Longest answer that is taken, bytes. */
export const MAX_ANSWER: number = 64 * 1024 * 1024
export const MAX_RUNS = 500

type Fields = Readonly<Record<string, unknown>>

/** The request of a line, or why there is none. Never throws. */
export function parseRequest(line: string): ControlRequest | { readonly why: string } {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { why: 'this is not JSON: one JSON object on one line is expected' }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { why: 'one JSON object with a `verb` is expected' }
  const fields = value as Fields
  const parse = PARSERS.get(fields['verb'])
  if (parse === undefined)
    return { why: `there is no verb ${shown(fields['verb'])}; verbs: ${[...PARSERS.keys()].join(', ')}` }
  return parse(fields)
}

type Parse = (fields: Fields) => ControlRequest | { readonly why: string }

const PARSERS: ReadonlyMap<unknown, Parse> = new Map<string, Parse>([
  ['status', () => ({ verb: 'status' })],
  ['cancel', cancel],
  ['set', set],
  ['pause', (fields) => place('pause', fields)],
  ['resume', (fields) => place('resume', fields)],
])

/** More at once would be a typing error. */
const MAX_SLOTS = 100_000

function cancel(fields: Fields): ReturnType<Parse> {
  const task = fields['task']
  if (typeof task !== 'string' || task === '') return { why: '`task` must be the id of a task' }
  return { verb: 'cancel', task, by: actorOf(fields) }
}

function set(fields: Fields): ReturnType<Parse> {
  const count = fields['max_executors']
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > MAX_SLOTS)
    return { why: `\`max_executors\` must be a whole number from 1 to ${MAX_SLOTS}, not ${shown(count)}` }
  return { verb: 'set', max_executors: count, by: actorOf(fields) }
}

function place(verb: 'pause' | 'resume', fields: Fields): ControlRequest | { readonly why: string } {
  const { topic, partition } = (fields['at'] ?? {}) as { readonly topic?: unknown; readonly partition?: unknown }
  if (typeof topic !== 'string' || topic === '' || !Number.isInteger(partition))
    return { why: '`at` must be an object with `topic` and `partition`' }
  return { verb, at: { topic, partition: partition as number }, by: actorOf(fields) }
}

/** Goes into the log: short, and nothing in it that a terminal would obey. */
function actorOf(fields: Fields): string {
  const by = fields['by']
  if (typeof by !== 'string' || by === '') return 'unknown'
  return by.replaceAll(/\p{Cc}/gu, '?').slice(0, 100)
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? 'nothing' : text.slice(0, 60)
}
