import type { Clock } from '../lib/index.ts'
import type {
  Announce,
  DeliveryAction,
  DeliveryFailure,
  Handler,
  HookContext,
  HookLog,
  HookName,
  Message,
  MessageGroup,
  Outputs,
  Task,
  TaskFailure,
  TaskResult,
  TaskSpec,
  TopicPartition,
  WindowGroup,
} from '../model/index.ts'
import { CallContext } from './call-context.ts'
import { type CheckedAction, checkAction, checkDeliveryAction, checkOutputs, checkTasks } from './check.ts'
import { createParse, type Parse } from './decode.ts'
import { inPlace, type Place, type Subject } from './place.ts'
import { isPriority, oldestOffset } from './priority.ts'

type Awaitable<T> = T | Promise<T>

/** A hook took longer than `hook_timeout_seconds`; what it answers later is ignored. */
export class HookTimeoutError extends Error {
  constructor(hook: HookName, ms: number) {
    super(`${hook} did not answer within ${ms / 1000} s (hook_timeout_seconds)`)
    this.name = 'HookTimeoutError'
  }
}

export interface HooksOptions {
  readonly handler: Handler
  readonly clock: Clock
  readonly announce: Announce
  /** Longest time for one asynchronous call, milliseconds; 0 = no limit. */
  readonly timeoutMs: number
  /** The logger that hooks get, bound to the fields of their call. */
  readonly log: (fields: Record<string, unknown>) => HookLog
  /** Told when synchronous user code begins and ends, so that a blocked event loop can be named. */
  readonly watch?: { enter(place: Place): void; leave(): void }
}

/**
 * The only caller of user code. Each method calls one hook, measures and announces it, checks what came back, and throws
 * (or rejects) with what the hook threw, a `HookTimeoutError` or a `HookReturnError`; what that means is the caller's.
 * A synchronous hook is answered synchronously.
 */
export class Hooks {
  readonly parse: Parse
  readonly #handler: Handler
  readonly #options: HooksOptions

  constructor(options: HooksOptions) {
    this.#options = options
    this.#handler = options.handler
    this.parse = createParse(options.handler)
  }

  /**
   * Calls the handler's `run`. Its deadline, and what its answer means, are the runner's; throws what it throws.
   * Undefined where the handler has none.
   */
  get run(): ((task: Task, signal: AbortSignal, progress: () => void) => unknown) | undefined {
    const handler = this.#handler
    if (handler.run === undefined) return undefined
    return (task, signal, progress) => {
      const place: Place = { hook: 'run', subject: { task } }
      const context = Object.assign(new CallContext(this.#options, place, signal), { progress })
      const { watch } = this.#options
      watch?.enter(place)
      try {
        return inPlace(place, (own) => handler.run?.(task, own), context)
      } finally {
        watch?.leave()
      }
    }
  }

  has(hook: 'onTaskComplete' | 'onMessageComplete' | 'onWindowComplete' | 'onError' | 'onDeliveryError'): boolean {
    return this.#handler[hook] !== undefined
  }

  arrange(
    messages: readonly Message[],
    pending: ReadonlyMap<string, Task>,
    signal: AbortSignal,
  ): Awaitable<readonly TaskSpec[]> {
    return this.#call(
      'arrange',
      { messages },
      signal,
      (base) => this.#handler.arrange(messages, Object.assign(base, { pending })),
      checkArranged,
    )
  }

  onTaskComplete(result: TaskResult, signal: AbortSignal): Awaitable<Outputs | undefined> {
    return this.#outputs('on_task_complete', 'onTaskComplete', { task: result.task }, signal, result)
  }

  onMessageComplete(group: MessageGroup, signal: AbortSignal): Awaitable<Outputs | undefined> {
    return this.#outputs('on_message_complete', 'onMessageComplete', { messages: [group.message] }, signal, group)
  }

  onWindowComplete(window: WindowGroup, signal: AbortSignal): Awaitable<Outputs | undefined> {
    return this.#outputs('on_window_complete', 'onWindowComplete', { messages: window.messages }, signal, window)
  }

  onError(failure: TaskFailure, signal: AbortSignal): Awaitable<CheckedAction> {
    const handler = this.#handler
    if (handler.onError === undefined) return { kind: 'retry', afterMs: null }
    return this.#call(
      'on_error',
      { task: failure.task },
      signal,
      (context) => handler.onError?.(failure, context),
      checkAction,
    )
  }

  onDeliveryError(failure: DeliveryFailure, signal: AbortSignal): Awaitable<DeliveryAction> {
    const handler = this.#handler
    if (handler.onDeliveryError === undefined) return 'dead-letter'
    const subject = { messages: failure.messages }
    return this.#call(
      'on_delivery_error',
      subject,
      signal,
      (context) => handler.onDeliveryError?.(failure, context),
      checkDeliveryAction,
    )
  }

  async onStartup(config: unknown, signal: AbortSignal): Promise<void> {
    await this.#call(
      'on_startup',
      { name: '' },
      signal,
      (context) => this.#handler.onStartup?.(config, context),
      ignoreAnswer,
    )
  }

  async onReady(signal: AbortSignal): Promise<void> {
    await this.#call('on_ready', { name: '' }, signal, (context) => this.#handler.onReady?.(context), ignoreAnswer)
  }

  async onAssign(partitions: readonly TopicPartition[], signal: AbortSignal): Promise<void> {
    if (this.#handler.onAssign === undefined) return
    await this.#call(
      'on_assign',
      { partitions },
      signal,
      (context) => this.#handler.onAssign?.(partitions, context),
      ignoreAnswer,
    )
  }

  async onRevoke(partitions: readonly TopicPartition[], signal: AbortSignal): Promise<void> {
    if (this.#handler.onRevoke === undefined) return
    await this.#call(
      'on_revoke',
      { partitions },
      signal,
      (context) => this.#handler.onRevoke?.(partitions, context),
      ignoreAnswer,
    )
  }

  async periodic(name: string, signal: AbortSignal): Promise<void> {
    await this.#call(
      'periodic',
      { name },
      signal,
      (context) => this.#handler.periodic?.[name]?.run(context),
      ignoreAnswer,
    )
  }

  /** The task's place in the queue for a slot; smaller first. A hook that fails falls back to the oldest offset. */
  priority(task: Task): number | readonly number[] {
    const oldest = oldestOffset(task)
    if (this.#handler.taskPriority === undefined) return oldest
    try {
      const answer: unknown = this.#handler.taskPriority(task)
      if (isPriority(answer)) return answer
      throw new TypeError('taskPriority must return a number or an array of numbers')
    } catch (error) {
      this.#options.announce({ type: 'priority_failed', task, error })
      return oldest
    }
  }

  #outputs<Argument>(
    name: HookName,
    hook: 'onTaskComplete' | 'onMessageComplete' | 'onWindowComplete',
    subject: Subject,
    signal: AbortSignal,
    argument: Argument,
  ): Awaitable<Outputs | undefined> {
    const run = this.#handler[hook] as
      | ((this: Handler, argument: Argument, context: HookContext) => Awaitable<Outputs | void>)
      | undefined
    if (run === undefined) return undefined
    return this.#call(
      name,
      subject,
      signal,
      (context) => run.call(this.#handler, argument, context),
      (answer) => checkOutputs(hook, answer),
    )
  }

  #call<Answer, Checked>(
    hook: HookName,
    subject: Subject,
    signal: AbortSignal,
    invoke: (context: HookContext) => Awaitable<Answer>,
    check: (answer: Answer) => Checked,
  ): Awaitable<Checked> {
    const { clock, watch } = this.#options
    const startedAt = clock.monotonic()
    const place: Place = { hook, subject }
    const context = new CallContext(this.#options, place, signal)
    let answer: Awaitable<Answer>
    watch?.enter(place)
    try {
      answer = inPlace(place, invoke, context)
    } catch (error) {
      this.#finished(hook, startedAt, error)
      throw error
    } finally {
      watch?.leave()
    }
    if (isThenable(answer)) return this.#settle(hook, startedAt, answer, check, context)
    return this.#checked(hook, startedAt, answer, check)
  }

  async #settle<Answer, Checked>(
    hook: HookName,
    startedAt: number,
    answer: PromiseLike<Answer>,
    check: (answer: Answer) => Checked,
    context: CallContext,
  ): Promise<Checked> {
    const { clock, timeoutMs } = this.#options
    let settled: Answer
    try {
      if (timeoutMs <= 0) settled = await answer
      else {
        let cancel = (): void => undefined
        const late = new Promise<never>((_resolve, reject) => {
          const timer = clock.timer(timeoutMs, () => reject(new HookTimeoutError(hook, timeoutMs)))
          cancel = () => timer.cancel()
        })
        settled = await Promise.race([answer, late]).finally(cancel)
      }
    } catch (error) {
      context.abort(error)
      this.#finished(hook, startedAt, error)
      throw error
    }
    return this.#checked(hook, startedAt, settled, check)
  }

  #checked<Answer, Checked>(
    hook: HookName,
    startedAt: number,
    answer: Answer,
    check: (answer: Answer) => Checked,
  ): Checked {
    try {
      const checked = check(answer)
      this.#finished(hook, startedAt, undefined)
      return checked
    } catch (error) {
      this.#finished(hook, startedAt, error)
      throw error
    }
  }

  #finished(hook: HookName, startedAt: number, error: unknown): void {
    const { announce, clock } = this.#options
    announce({ type: 'hook_finished', hook, durationMs: clock.monotonic() - startedAt, error })
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<T>).then === 'function'
}

function checkArranged(answer: readonly TaskSpec[]): readonly TaskSpec[] {
  return checkTasks('arrange', answer)
}

function ignoreAnswer(): undefined {
  return undefined
}
