import { HookReturnError } from '../../handler/index.ts'
import { backoffMs, sleep } from '../../lib/index.ts'
import {
  type Death,
  type End,
  type Message,
  type MessageGroup,
  type Outputs,
  partitionKey,
  reasonOf,
  type TaskFailure,
  type TaskResult,
} from '../../model/index.ts'
import { type AtomicGroup, groupOfMessage, letGo } from './atomic.ts'
import { decideRefusals, deliverOutputs, OutputError } from './deliver.ts'
import type { Partition } from './partition.ts'
import { added, type Busy, type TrackedMessage, type TrackedTask, type Window } from './tracked.ts'

const DELIVERED_END: End = { kind: 'delivered' }

/** How a task settled: with a result, with a failure, or handed over to replacements. */
export interface Settlement {
  readonly result?: TaskResult
  readonly failure?: TaskFailure
  readonly replaced?: boolean
  readonly deaths: readonly Death[]
  readonly rules: readonly string[]
}

/** Books a settled task on its messages and its window; messages whose last task it was go on to their completion. */
export function settleTask(partition: Partition, tracked: TrackedTask, settlement: Settlement): void {
  const { result, failure, replaced, deaths, rules } = settlement
  const { hooks } = partition.parts
  partition.forget(tracked)
  const forMessage = hooks.has('onMessageComplete')
  if (hooks.has('onWindowComplete') && replaced !== true) {
    if (result !== undefined) tracked.window.results.push(result)
    if (failure !== undefined) tracked.window.failures.push(failure)
  }
  for (const message of tracked.messages) {
    if (forMessage && replaced !== true) {
      if (result !== undefined) message.results = added(message.results, result)
      if (failure !== undefined) message.failures = added(message.failures, failure)
    }
    note(message, deaths, rules)
    message.open -= 1
    if (message.open === 0) {
      message.state = 'finishing'
      finishMessage(partition, message)
    }
  }
}

function note(message: TrackedMessage, deaths: readonly Death[], rules: readonly string[]): void {
  if (deaths.length > 0) message.deaths = [...message.deaths, ...deaths]
  if (rules.length > 0) message.rules = [...message.rules, ...rules]
}

/** All tasks of the message have settled: `onMessageComplete`, its window's completion, its end. */
export function finishMessage(partition: Partition, message: TrackedMessage): void {
  if (partition.parts.hooks.has('onMessageComplete')) partition.spawn(completeMessage(partition, message))
  else finishInWindow(partition, message)
}

async function completeMessage(partition: Partition, message: TrackedMessage): Promise<void> {
  const { hooks } = partition.parts
  const place = `${partitionKey(message.raw)}:${message.raw.offset}/m`
  await runStage(partition, 'on_message_complete', [message], place, () =>
    hooks.onMessageComplete(groupOf(partition, message), partition.signal),
  )
  if (!partition.closed) finishInWindow(partition, message)
}

function finishInWindow(partition: Partition, message: TrackedMessage): void {
  if (!partition.parts.hooks.has('onWindowComplete')) {
    if (partition.parts.options.atomic === true) finishInGroup(partition, message)
    else endMessage(partition, message)
    return
  }
  const window = message.window as Window
  window.open -= 1
  if (window.open === 0) partition.spawn(finishWindow(partition, window))
}

/** `delivery: atomic`: the last message of the group that comes through delivers what all of them brought, or nothing. */
function finishInGroup(partition: Partition, message: TrackedMessage): void {
  const group = groupOfMessage(message)
  group.finished += 1
  if (!group.complete) return
  const dead = group.messages.find(({ deaths }) => deaths.length > 0)
  if (dead !== undefined) {
    dieTogether(group, dead)
    letGo(partition, group)
  } else if (group.held.length > 0) {
    partition.spawn(deliverGroup(partition, group))
    return
  }
  for (const each of group.messages) endMessage(partition, each)
}

/** What is shared with a dead message will never be there: those that share it are dead too. */
function dieTogether(group: AtomicGroup, dead: TrackedMessage): void {
  const { stage, reason } = dead.deaths[0] as Death
  const place = `${partitionKey(dead.raw)}:${dead.raw.offset}`
  for (const message of group.messages) {
    if (message.deaths.length > 0) continue
    const also = `${place}, with which it shares a task, died: ${reason}`
    message.deaths = added(message.deaths, { stage, reason: also })
  }
}

async function deliverGroup(partition: Partition, group: AtomicGroup): Promise<void> {
  const { clock, delivery } = partition.parts
  const busy: Busy = { kind: 'delivery', records: group.held, since: clock.monotonic() }
  for (const message of group.messages) message.busy = busy
  const refusals = await delivery.deliver(group.held, partition.signal)
  const { deaths, rules } = await decideRefusals(partition, refusals, group.messages)
  if (partition.closed) return
  letGo(partition, group)
  for (const message of group.messages) {
    message.busy = null
    note(message, deaths, rules)
    endMessage(partition, message)
  }
}

async function finishWindow(partition: Partition, window: Window): Promise<void> {
  const { hooks, announce, clock } = partition.parts
  const messages = window.messages.map((tracked) => tracked.message as Message)
  const group = { messages, results: window.results, failures: window.failures }
  const first = window.messages[0] as TrackedMessage
  const last = window.messages.at(-1) as TrackedMessage
  const place = `${partitionKey(first.raw)}:${first.raw.offset}-${last.raw.offset}/w`
  await runStage(partition, 'on_window_complete', window.messages, place, () =>
    hooks.onWindowComplete(group, partition.signal),
  )
  if (partition.closed) return
  const durationMs = clock.monotonic() - window.openedAt
  announce({ type: 'window_ended', at: partition.assignment, window: window.id, tasks: window.tasks, durationMs })
  for (const message of window.messages) endMessage(partition, message)
}

/** One completion hook with its delivery, repeated while it throws and the budget lasts; then its messages die of it. */
async function runStage(
  partition: Partition,
  hook: 'on_message_complete' | 'on_window_complete',
  messages: readonly TrackedMessage[],
  idPrefix: string,
  invoke: () => Outputs | undefined | Promise<Outputs | undefined>,
): Promise<void> {
  const { clock, options, random } = partition.parts
  for (let attempt = 1; !partition.closed; attempt += 1) {
    try {
      const busy: Busy = { kind: 'hook', hook, since: clock.monotonic() }
      for (const message of messages) message.busy = busy
      const outputs = await invoke()
      if (partition.closed) return
      const { deaths, rules } = await deliverOutputs(partition, hook, outputs, idPrefix, messages, messages)
      for (const message of messages) message.busy = null
      for (const message of messages) note(message, deaths, rules)
      return
    } catch (error) {
      const hopeless = error instanceof HookReturnError || error instanceof OutputError
      if (hopeless || attempt > options.maxRetries) {
        const death: Death = { stage: hook, reason: reasonOf(error), attempts: attempt }
        for (const message of messages) message.deaths = added(message.deaths, death)
        return
      }
      await sleep(clock, backoffMs(attempt, options.retryBackoff, random), partition.signal)
    }
  }
}

/** Gives the message its end: the dead letter is acknowledged before the source hears of it. */
export function endMessage(partition: Partition, message: TrackedMessage): void {
  if (message.deaths.length > 0) {
    partition.spawn(buryMessage(partition, message))
    return
  }
  const rule = message.rules[0]
  if (!partition.closed) partition.finish(message, rule === undefined ? DELIVERED_END : { kind: 'dropped', rule })
}

async function buryMessage(partition: Partition, message: TrackedMessage): Promise<void> {
  const { assignment, parts, signal } = partition
  message.busy = { kind: 'dead-letter', since: parts.clock.monotonic() }
  const end = await parts.deadLetters.bury({ assignment, message: message.raw, deaths: message.deaths }, signal)
  if (!partition.closed) partition.finish(message, end)
}

function groupOf(partition: Partition, tracked: TrackedMessage): MessageGroup {
  const { tasks, results, failures, replaced } = tracked
  return {
    message: tracked.message as Message,
    tasks,
    results,
    failures,
    replaced,
    allSucceeded: results.length > 0 && failures.length === 0,
    isEmpty: tasks.length === 0,
    durationSeconds: (partition.parts.clock.monotonic() - tracked.admittedAt) / 1000,
  }
}
