import type { Parsed } from '../../handler/index.ts'
import { backoffMs, sleep } from '../../lib/index.ts'
import { type HookName, type Message, reasonOf } from '../../model/index.ts'
import { joinGroups } from './atomic.ts'
import { endMessage, finishMessage } from './completion.ts'
import { disown, makeTasks } from './make-tasks.ts'
import type { Partition } from './partition.ts'
import { startTasks } from './task-run.ts'
import { added, type TrackedMessage, type TrackedTask, Window } from './tracked.ts'

/** Parses, arranges and starts one window. Returns when its tasks are at the gate; they end on their own. */
export async function processWindow(partition: Partition, batch: readonly TrackedMessage[]): Promise<void> {
  const parsed = await parseAll(partition, batch)
  if (parsed.length === 0 || partition.draining) return
  const failed = await arrangeOrSplit(partition, parsed)
  if (failed.length > 0) await holdUntilArrangeWorks(partition, failed)
}

/** A message that `arrange` threw for. */
interface Failed {
  readonly message: TrackedMessage
  readonly error: unknown
}

async function parseAll(partition: Partition, batch: readonly TrackedMessage[]): Promise<TrackedMessage[]> {
  const good: TrackedMessage[] = []
  for (const tracked of batch) {
    const answer = partition.parts.hooks.parse(tracked.raw)
    const parsed: Parsed = answer instanceof Promise ? await during(partition, 'input', answer) : answer
    if (!partition.holds(tracked)) continue
    if (parsed.failed) endUnparsable(partition, tracked, parsed.reason)
    else {
      tracked.message = parsed.message
      good.push(tracked)
    }
  }
  return good
}

/** Waits for a hook, and says so to whoever asks. */
async function during<Answer>(partition: Partition, hook: HookName, answer: Promise<Answer>): Promise<Answer> {
  partition.busy = { kind: 'hook', hook, since: partition.parts.clock.monotonic() }
  try {
    return await answer
  } finally {
    partition.busy = null
  }
}

function endUnparsable(partition: Partition, tracked: TrackedMessage, reason: string): void {
  const { announce, holds, options } = partition.parts
  announce({ type: 'parse_failed', message: tracked.raw, reason })
  tracked.state = 'finishing'
  if (options.onParseError === 'hold') {
    tracked.state = 'arranging'
    const detail = `offset ${tracked.raw.offset} cannot be decoded (${reason}) and sources.kafka.on_parse_error is hold: fix the decoder or the schema and restart`
    holds.place(partition.assignment, { reason: 'parse', detail })
    return
  }
  if (options.onParseError === 'skip') tracked.rules = added(tracked.rules, 'on_parse_error')
  else tracked.deaths = added(tracked.deaths, { stage: 'parse', reason })
  endMessage(partition, tracked)
}

/**
 * Arranges the messages together or, where that throws, one by one. Answers those that failed while nothing shows that
 * `arrange` works at all; with such a sign (or while they are few) they die alone.
 */
async function arrangeOrSplit(partition: Partition, messages: readonly TrackedMessage[]): Promise<readonly Failed[]> {
  const error = await arrange(partition, messages)
  if (error === undefined) {
    partition.guard.judge(messages.length, 0)
    return []
  }
  if (partition.draining) return []
  const failed =
    messages.length === 1
      ? [{ message: messages[0] as TrackedMessage, error: error.thrown }]
      : await arrangeEach(partition, messages)
  if (partition.draining) return []
  if (partition.guard.judge(messages.length - failed.length, failed.length) === 'hold') return failed
  for (const each of failed) buryUnarranged(partition, each)
  return []
}

async function arrangeEach(partition: Partition, messages: readonly TrackedMessage[]): Promise<Failed[]> {
  const failed: Failed[] = []
  for (const message of messages) {
    const error = await arrange(partition, [message])
    if (partition.draining) return []
    if (error !== undefined) failed.push({ message, error: error.thrown })
  }
  return failed
}

/** `arrange` fails for everything: nothing dies; the partition waits, and every wait tries the next messages too. */
async function holdUntilArrangeWorks(partition: Partition, first: readonly Failed[]): Promise<void> {
  const { clock, holds, options, random } = partition.parts
  let failed = [...first]
  const detail = (): string =>
    `arrange throws for every message (${reasonOf(failed[0]?.error)}): fix the handler and restart; messages wait in Kafka, none is lost`
  const release = holds.place(partition.assignment, { reason: 'arrange', detail: detail() })
  try {
    for (let attempt = 1; failed.length > 0 && !partition.draining; attempt += 1) {
      await sleep(clock, backoffMs(attempt, options.arrangeBackoff, random), partition.signal)
      if (partition.draining) return
      const fresh = await parseAll(partition, partition.take())
      const candidates = [...failed.map((each) => each.message), ...fresh]
      const still = await arrangeEach(partition, candidates)
      if (partition.draining) return
      if (still.length < candidates.length) {
        partition.guard.judge(1, 0)
        for (const each of still) buryUnarranged(partition, each)
        return
      }
      failed = still
    }
  } finally {
    release()
  }
}

function buryUnarranged(partition: Partition, { message, error }: Failed): void {
  if (!partition.holds(message)) return
  message.state = 'finishing'
  message.deaths = added(message.deaths, { stage: 'arrange', reason: reasonOf(error) })
  endMessage(partition, message)
}

/** Calls `arrange` and starts what it made. Answers what it threw; nothing was started then. */
async function arrange(
  partition: Partition,
  tracked: readonly TrackedMessage[],
): Promise<{ readonly thrown: unknown } | undefined> {
  const { announce, clock, hooks } = partition.parts
  const startedAt = clock.monotonic()
  const messages = tracked.map((each) => each.message as Message)
  const window = new Window(partition.nextWindowId(), tracked, startedAt)
  let tasks: TrackedTask[]
  try {
    const answer = hooks.arrange(messages, partition.pending, partition.signal)
    const specs = answer instanceof Promise ? await during(partition, 'arrange', answer) : answer
    if (partition.draining) return undefined
    tasks = makeTasks(window, specs)
    if (partition.parts.options.atomic === true) joinGroups(tasks)
  } catch (thrown) {
    for (const message of tracked) disown(message)
    return { thrown }
  }
  const durationMs = clock.monotonic() - startedAt
  announce({ type: 'arranged', at: partition.assignment, window: window.id, messages, tasks: tasks.length, durationMs })
  for (const message of tracked) {
    message.window = window
    message.state = message.made > 0 ? 'running' : 'finishing'
  }
  startTasks(partition, tasks)
  for (const message of tracked) if (message.made === 0) finishMessage(partition, message)
  return undefined
}
