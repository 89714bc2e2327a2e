import type { Death, HookName, Message, Outcome, RawMessage, Task, TaskFailure, TaskResult } from '../../model/index.ts'
import { discardFiles, type Run } from '../executor/index.ts'
import type { RoutedRecord } from '../sinks/index.ts'
import type { AtomicGroup } from './atomic.ts'

/**
 * Where a message is on its way. `queued` and `arranging` have started nothing and can be handed back at any time;
 * `running` has tasks; `finishing` has none left and goes through completion, delivery and its end.
 */
export type MessageState = 'queued' | 'arranging' | 'running' | 'finishing'

/** The empty list of everything. */
export const NONE: readonly never[] = Object.freeze([])

/** The list with one more; it is the same list unless it was empty, so only its owner may call this. */
export function added<T>(list: readonly T[], one: T): readonly T[] {
  if (list.length === 0) return [one]
  const own = list as T[]
  own.push(one)
  return own
}

/** What a task or a message is busy with beside its runs; for whoever asks why it does not move. `since`: monotonic. */
export type Busy =
  | { readonly kind: 'hook'; readonly hook: HookName; readonly since: number }
  | { readonly kind: 'delivery'; readonly records: readonly RoutedRecord[]; readonly since: number }
  | { readonly kind: 'retry'; readonly dueAt: number; readonly since: number }
  | { readonly kind: 'dead-letter'; readonly since: number }

/** A message in flight, with what its tasks brought so far. */
export class TrackedMessage {
  readonly raw: RawMessage
  readonly bytes: number
  readonly admittedAt: number
  state: MessageState = 'queued'
  busy: Busy | null = null
  message: Message | undefined
  window: Window | undefined
  /** With `delivery: atomic`: those that it is delivered with. */
  group: AtomicGroup | null = null
  /** Tasks that have not settled. The message completes when this is back at zero. */
  open = 0
  /** Tasks made so far, for the next task's index. */
  made = 0
  replaced = 0
  /** These lists are shared while they are empty, as most of them stay: add with `added`. */
  tasks: readonly Task[] = NONE
  results: readonly TaskResult[] = NONE
  failures: readonly TaskFailure[] = NONE
  /** Why it must die; empty where it need not. */
  deaths: readonly Death[] = NONE
  /** Rules by which parts of it were let go. */
  rules: readonly string[] = NONE

  constructor(raw: RawMessage, bytes: number, admittedAt: number) {
    this.raw = raw
    this.bytes = bytes
    this.admittedAt = admittedAt
  }
}

/** Messages that were arranged together. */
export class Window {
  readonly id: number
  readonly messages: readonly TrackedMessage[]
  readonly openedAt: number
  /** Messages that have not come through their own completion. */
  open: number
  tasks = 0
  readonly results: TaskResult[] = []
  readonly failures: TaskFailure[] = []
  /** How many tasks stand for one set of several messages, by that set. */
  readonly joined: Map<string, number> = new Map()

  constructor(id: number, messages: readonly TrackedMessage[], openedAt: number) {
    this.id = id
    this.messages = messages
    this.open = messages.length
    this.openedAt = openedAt
  }
}

/** A task in flight. */
export class TrackedTask {
  readonly task: Task
  readonly messages: readonly TrackedMessage[]
  readonly window: Window
  /** Runs so far, the current one included. */
  attempts = 0
  replacements = 0
  busy: Busy | null = null
  /** Ends the wait for its next run: it is cancelled. Null where it does not wait. */
  cancelWait: (() => void) | null = null
  run: Run | undefined
  /** Bytes of output that are held until it settles. */
  outputBytes = 0
  /** Its last outcome, where that left files on disk. */
  files: Outcome | undefined

  constructor(task: Task, messages: readonly TrackedMessage[], window: Window) {
    this.task = task
    this.messages = messages
    this.window = window
  }

  /** Removes what its last run left on disk, if anything. */
  discardFiles(): void {
    if (this.files === undefined) return
    void discardFiles(this.files)
    this.files = undefined
  }

  /** True from the moment its first run takes a slot. */
  get started(): boolean {
    return this.attempts > 1 || (this.run !== undefined && this.run.state !== 'waiting')
  }
}
