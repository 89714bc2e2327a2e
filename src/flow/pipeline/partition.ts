import { type Deferred, deferred } from '../../lib/index.ts'
import { type Assignment, type End, messageBytes, type RawMessage, type Task } from '../../model/index.ts'
import { ArrangeGuard } from './arrange-guard.ts'
import type { IntakeAccount } from './intake.ts'
import type { PipelineParts } from './parts.ts'
import { type Busy, TrackedMessage, type TrackedTask } from './tracked.ts'
import { processWindow } from './window.ts'
import { withdrawable } from './withdraw.ts'

/**
 * The pipeline of one assignment: everything that happens to its messages between the source and their ends. It holds
 * the state; the stages (window, task, delivery, completion) are functions over it.
 */
export class Partition {
  readonly assignment: Assignment
  readonly parts: PipelineParts
  readonly account: IntakeAccount
  readonly guard: ArrangeGuard = new ArrangeGuard()
  /** Tasks in flight. */
  readonly tasks: Set<TrackedTask> = new Set()
  /** The same by id, as `arrange` sees them. */
  readonly pending: Map<string, Task> = new Map()
  readonly #inFlight = new Set<TrackedMessage>()
  readonly #abort = new AbortController()
  readonly #onIdle: Deferred<void>[] = []
  /** What its window waits for, while it is parsed and arranged. */
  busy: Busy | null = null
  #queue: TrackedMessage[] = []
  #windows = 0
  #pumping = false
  #draining = false

  constructor(assignment: Assignment, parts: PipelineParts, account: IntakeAccount) {
    this.assignment = assignment
    this.parts = parts
    this.account = account
  }

  /** Aborts when the partition is gone: what is still under way is nobody's business any more. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** True from the moment the partition is gone. Every stage checks it after each wait and stops. */
  get closed(): boolean {
    return this.#abort.signal.aborted
  }

  get draining(): boolean {
    return this.#draining
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** The first that was taken in of those that have not ended. */
  get oldest(): TrackedMessage | undefined {
    for (const message of this.#inFlight) return message
    return undefined
  }

  get queued(): number {
    return this.#queue.length
  }

  /** Takes messages in; they wait only for the `arrange` that is running. */
  admit(messages: readonly RawMessage[]): void {
    if (this.#draining || this.closed) return
    const now = this.parts.clock.monotonic()
    for (const raw of messages) {
      const message = new TrackedMessage(raw, messageBytes(raw), now)
      this.#queue.push(message)
      this.#inFlight.add(message)
      this.account.add(1, message.bytes)
    }
    if (!this.#pumping) this.spawn(this.#pump())
  }

  /** The next window's messages: what is there, up to the window size. */
  take(): TrackedMessage[] {
    const { windowSize } = this.parts.options
    const taken = this.#queue.length <= windowSize ? this.#queue : this.#queue.slice(0, windowSize)
    this.#queue = this.#queue.length <= windowSize ? [] : this.#queue.slice(windowSize)
    for (const message of taken) message.state = 'arranging'
    return taken
  }

  nextWindowId(): number {
    this.#windows += 1
    return this.#windows
  }

  /** The message is over: with an end, or (null) handed back without one. */
  finish(message: TrackedMessage, end: End | null): void {
    if (!this.#inFlight.delete(message)) return
    this.account.add(-1, -message.bytes)
    if (end !== null) {
      this.parts.ended(this.assignment, message.raw.offset, end)
      const durationMs = this.parts.clock.monotonic() - message.admittedAt
      this.parts.announce({ type: 'message_ended', message: message.raw, end, durationMs })
    }
    if (this.#inFlight.size === 0) for (const waiter of this.#onIdle.splice(0)) waiter.resolve()
  }

  /** False for a message that was handed back meanwhile. */
  holds(message: TrackedMessage): boolean {
    return this.#inFlight.has(message)
  }

  /** Runs a stage on its own. A stage never throws; one that does is a bug, and the worker must not go on past it. */
  spawn(stage: Promise<void>): void {
    stage.catch((error: unknown) => this.broken(error))
  }

  /** The same for a step that waits for nothing. */
  step(stage: () => void): void {
    try {
      stage()
    } catch (error) {
      this.broken(error)
    }
  }

  /** A stage threw. */
  broken(error: unknown): void {
    if (!this.closed) this.parts.crashed(error)
  }

  /**
   * Hands back what has not started, lets the rest finish until `deadline` (monotonic), then ends what is left. True
   * where nothing was left.
   */
  async drain(deadline: number): Promise<boolean> {
    if (this.closed) return true
    this.#draining = true
    this.#handBackUnstarted()
    if (this.#inFlight.size > 0) await this.#idleUntil(deadline)
    const left = this.#inFlight.size
    if (left > 0) this.parts.announce({ type: 'drain_timeout', at: this.assignment, unfinished: left })
    this.close()
    return left === 0
  }

  /** Ends everything at once: programs are killed, what they bring is ignored, nothing gets an end. Twice is fine. */
  close(): void {
    if (this.closed) return
    this.#draining = true
    this.#abort.abort()
    for (const tracked of this.tasks) {
      tracked.run?.cancel()
      tracked.discardFiles()
    }
    this.tasks.clear()
    this.pending.clear()
    this.#queue = []
    this.#inFlight.clear()
    this.account.close()
    for (const waiter of this.#onIdle.splice(0)) waiter.resolve()
  }

  #handBackUnstarted(): void {
    this.#queue = []
    for (const tracked of withdrawable(this.tasks, this.parts.hooks.has('onWindowComplete'))) {
      if (tracked.run?.withdraw() !== true) continue
      this.forget(tracked)
      for (const message of tracked.messages) this.finish(message, null)
    }
    for (const message of this.#inFlight) {
      if (message.state === 'queued' || message.state === 'arranging') this.finish(message, null)
    }
  }

  /** The task is no longer in flight. */
  forget(tracked: TrackedTask): void {
    this.tasks.delete(tracked)
    if (this.pending.get(tracked.task.id) === tracked.task) this.pending.delete(tracked.task.id)
    if (tracked.outputBytes > 0) this.account.add(0, -tracked.outputBytes)
    tracked.outputBytes = 0
    tracked.discardFiles()
  }

  async #pump(): Promise<void> {
    this.#pumping = true
    try {
      while (this.#queue.length > 0 && !this.#draining) await processWindow(this, this.take())
    } finally {
      this.#pumping = false
    }
  }

  async #idleUntil(deadline: number): Promise<void> {
    const { clock } = this.parts
    const idle = deferred<void>()
    this.#onIdle.push(idle)
    const timer = clock.timer(Math.max(0, deadline - clock.monotonic()), () => idle.resolve())
    await idle.promise
    timer.cancel()
  }
}
