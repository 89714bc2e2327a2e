import { taskId } from '../../handler/index.ts'
import type { Message, Task, TaskSpec } from '../../model/index.ts'
import { added, NONE, type TrackedMessage, TrackedTask, type Window } from './tracked.ts'

const NO_TEXTS: Readonly<Record<string, string>> = Object.freeze({})

/** The window's tasks from what `arrange` returned. Throws, with nothing left behind, where one stands for no message of it. */
export function makeTasks(window: Window, specs: readonly TaskSpec[]): TrackedTask[] {
  const byMessage = new Map(window.messages.map((tracked) => [tracked.message as Message, tracked]))
  const planned = specs.map((spec, index) => ({ spec, messages: ownersOf(spec, byMessage, index) }))
  return planned.map(({ spec, messages }) => addTask(window, spec, messages))
}

function ownersOf(spec: TaskSpec, byMessage: ReadonlyMap<Message, TrackedMessage>, index: number): TrackedMessage[] {
  const owners = spec.messages.map((message) => {
    const owner = byMessage.get(message)
    if (owner === undefined)
      throw new Error(
        `arrange: the task at index ${index} stands for a message that is not in this window; pass the messages that arrange was given`,
      )
    return owner
  })
  return owners.length === 1 ? owners : [...new Set(owners)]
}

function addTask(window: Window, spec: TaskSpec, messages: readonly TrackedMessage[]): TrackedTask {
  const tracked = new TrackedTask(toTask(spec, messages, spec.id ?? defaultId(window, messages)), messages, window)
  window.tasks += 1
  for (const message of messages) own(message, tracked.task)
  return tracked
}

/** The task holds the message open until it settles. */
export function own(message: TrackedMessage, task: Task): void {
  message.open += 1
  message.made += 1
  message.tasks = added(message.tasks, task)
}

/** Undoes `own` for a message whose window could not be made. */
export function disown(message: TrackedMessage): void {
  message.open = 0
  message.made = 0
  message.tasks = NONE
}

function defaultId(window: Window, messages: readonly TrackedMessage[]): string {
  const first = messages[0] as TrackedMessage
  if (messages.length === 1) return taskId([first.raw], first.made)
  const raws = messages.map((message) => message.raw)
  const set = taskId(raws, 0)
  const index = window.joined.get(set) ?? 0
  window.joined.set(set, index + 1)
  return taskId(raws, index)
}

/** A spec with its defaults and its place. */
export function toTask(spec: TaskSpec, messages: readonly TrackedMessage[], id: string, parentId?: string): Task {
  const task: Draft = {
    id,
    messages: messages.map((tracked) => tracked.message as Message),
    args: spec.args ?? NONE,
    env: spec.env ?? NO_TEXTS,
    metadata: spec.metadata,
    labels: spec.labels ?? NO_TEXTS,
  }
  if (parentId !== undefined) task.parentId = parentId
  if (spec.stdin !== undefined) setStdin(task, spec.stdin)
  if (spec.cwd !== undefined) task.cwd = spec.cwd
  if (spec.okExitCodes !== undefined) task.okExitCodes = spec.okExitCodes
  if (spec.runner !== undefined) task.runner = spec.runner
  if (spec.binary !== undefined) task.binary = spec.binary
  if (spec.timeoutMs !== undefined) task.timeoutMs = spec.timeoutMs
  if (spec.precomputed !== undefined) task.precomputed = spec.precomputed
  setControls(task, spec)
  return task
}

type Draft = { -readonly [Field in keyof Task]: Task[Field] }

function setStdin(task: Draft, stdin: NonNullable<TaskSpec['stdin']>): void {
  if (typeof stdin === 'string') task.stdin = Buffer.from(stdin)
  else if (stdin instanceof Uint8Array) task.stdin = stdin
  else task.stdinFile = stdin.file
}

/** Most tasks have none of them: a field that is not there costs nothing later. */
function setControls(task: Draft, spec: TaskSpec): void {
  if (spec.graceMs !== undefined) task.graceMs = spec.graceMs
  if (spec.maxStdoutBytes !== undefined) task.maxStdoutBytes = spec.maxStdoutBytes
  if (spec.maxStderrBytes !== undefined) task.maxStderrBytes = spec.maxStderrBytes
  if (spec.onOutputCap !== undefined) task.onOutputCap = spec.onOutputCap
  if (spec.limits !== undefined) task.limits = spec.limits
  if (spec.nice !== undefined) task.nice = spec.nice
  if (spec.scratch !== undefined) task.scratch = spec.scratch
}
