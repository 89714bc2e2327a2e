import { createHash } from 'node:crypto'
import type { Handler, Message, TaskOptions, TaskSpec } from '../model/index.ts'
import { partitionKey } from '../model/index.ts'

const MADE_BY_TASK = Symbol.for('drakkar.task')

/**
 * Types a handler by inference: the payload comes from `input`, the metadata from what `arrange` returns, and both flow
 * into every other hook, as what `run` answers flows into `result.value`. Write `arrange` and `run` before the hooks that
 * use what they bring. It returns its argument unchanged.
 */
export function defineHandler<Payload = unknown, Metadata = unknown, Value = unknown>(
  handler: Handler<Payload, Metadata, Value>,
): Handler<Payload, Metadata, Value> {
  return handler
}

/**
 * A task for one message, or for several (each of them then ends only after it). Everything in `options` has a default;
 * see `TaskOptions`.
 */
export function task<Payload, Metadata = undefined>(
  messages: Message<Payload> | readonly Message<Payload>[],
  options?: TaskOptions<Metadata>,
): TaskSpec<Payload, Metadata> {
  const spec = { ...options, messages: Array.isArray(messages) ? messages : [messages as Message<Payload>] }
  Object.defineProperty(spec, MADE_BY_TASK, { value: true })
  return spec
}

/** True for what `task()` made. */
export function isTaskSpec(value: unknown): value is TaskSpec {
  return typeof value === 'object' && value !== null && MADE_BY_TASK in value
}

/**
 * The id that a task gets by itself: `<topic>:<partition>:<offset>:<index>` for one message, a hash of the sorted
 * offsets for several. The same after every replay, as long as `arrange` makes the same tasks in the same order.
 */
export function taskId(messages: readonly Pick<Message, 'topic' | 'partition' | 'offset'>[], index: number): string {
  const first = messages[0]
  if (first === undefined) throw new TypeError('a task needs at least one message')
  const place = partitionKey(first)
  if (messages.length === 1) return `${place}:${first.offset}:${index}`
  const offsets = messages.map((message) => message.offset).sort((a, b) => a - b)
  return `${place}:j${hash(offsets.join(','))}:${index}`
}

/**
 * An id made of the task's content: the same for the same parts, in any worker and at any time. Use it where the same
 * work may come in several messages. Parts are joined unambiguously.
 */
export function stableTaskId(prefix: string, ...parts: readonly (string | number | boolean | null)[]): string {
  return `${prefix}-${hash(JSON.stringify(parts))}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
