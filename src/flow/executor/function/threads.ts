import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import type { Clock } from '../../../lib/index.ts'
import { DrakkarError, type KeptView, type Outcome, reasonOf, type Task } from '../../../model/index.ts'
import type { CancelSignal } from '../cancellation.ts'
import type { Runner } from '../runner.ts'
import { refusedOutcome } from '../verdict.ts'
import { capsOf, endedOutcome, type OutputCaps, outcomeOfAnswer, valueOf } from './answer.ts'
import { type EndedBy, endedSentence, Limits } from './limits.ts'
import { Seats } from './seats.ts'
import { sendable } from './sendable.ts'
import type { ThreadAnswer, ThreadRequest } from './thread.ts'

export interface ThreadRunnerOptions extends OutputCaps {
  /** Module whose default export is the function. */
  readonly file: string
  /** Most threads at once. */
  readonly threads: number
  /** True: with `setSlots` there are as many. Default: the number stays. */
  readonly followsSlots?: boolean
  /** Largest heap of a thread, MiB; 0 = Node's own limit. */
  readonly maxHeapMb: number
  readonly clock: Clock
  /** Milliseconds; 0 = none. A task's own limit wins. */
  readonly timeoutMs: number
  /** Longest silence between two calls of `progress`, milliseconds; 0 = any. */
  readonly noProgressMs: number
}

/** A pool of one: its thread, and after the end of that the next one. */
type Thread = Piscina<ThreadRequest, ThreadAnswer>

/** Longest time for a thread to start and load its module. */
const LOADING_MS = 60_000

/**
 * A function in worker threads is the task: for work that computes in JavaScript. What must be ended is ended with its
 * thread, which is replaced.
 */
export class ThreadRunner implements Runner {
  readonly #options: ThreadRunnerOptions
  readonly #seats: Seats<Thread>
  readonly #program: string
  readonly #starting: Map<number, () => void> = new Map()
  readonly #closing: Set<Promise<void>> = new Set()
  #started = false
  #runs = 0

  constructor(options: ThreadRunnerOptions) {
    this.#options = options
    this.#seats = new Seats<Thread>({
      most: options.threads,
      open: () => this.#open(),
      close: (thread) => this.#close(thread),
    })
    this.#program = `function ${options.file}`
  }

  /** Loads the module in one thread first: what cannot be loaded is found before the first task. */
  async start(): Promise<void> {
    if (this.#started) return
    this.#started = true
    this.#seats.fill()
    const thread = await this.#seats.take(new AbortController().signal)
    if (thread === null) return
    const { file } = this.#options
    const answer = await thread.run({ task: null, run: 0, signs: newSigns() })
    this.#seats.give(thread)
    if (answer.kind !== 'unloadable') return
    await this.stop()
    throw new DrakkarError('CONFIG_INVALID', `executor.function.file: ${file} cannot be used: ${answer.why}`, {
      advice: 'It must be a module whose default export is the function: `export default (task) => result`.',
    })
  }

  programOf(): string {
    return this.#program
  }

  async run(task: Task, signal: CancelSignal, started?: () => void): Promise<Outcome> {
    // A thread that is free, so that no run's time is spent in a queue.
    const thread = await this.#seats.take(signal)
    if (thread === null) return endedOutcome('cancelled', endedSentence('cancelled', 0, 0), 0)
    try {
      return await this.#run(thread, task, signal, started)
    } finally {
      this.#seats.give(thread)
    }
  }

  setSlots(slots: number): void {
    if (this.#options.followsSlots === true) this.#seats.resize(slots)
  }

  kept(): readonly KeptView[] {
    const configured = this.#options.followsSlots !== true
    return [{ runner: 'function', what: 'threads', ...this.#seats.size, configured }]
  }

  async stop(): Promise<void> {
    this.#seats.end()
    await Promise.all(this.#closing)
  }

  async #run(thread: Thread, task: Task, signal: CancelSignal, started?: () => void): Promise<Outcome> {
    const { clock, noProgressMs } = this.#options
    const timeoutMs = task.timeoutMs ?? this.#options.timeoutMs
    const run = ++this.#runs
    const abort = new AbortController()
    const signs = newSigns()
    let startedAt = clock.monotonic()
    let endedBy: EndedBy | null = null
    const end = (by: EndedBy): void => {
      endedBy ??= by
      abort.abort()
    }
    const cancel = (): void => end('cancelled')
    signal.addEventListener('abort', cancel)
    // A thread that was ended is replaced first, and loads its module: none of that is the task's time.
    const loading = new Limits({ clock, timeoutMs: LOADING_MS, noProgressMs: 0, lastSign: () => 0, ended: end })
    let limits: Limits | null = null
    this.#starting.set(run, () => {
      loading.stop()
      startedAt = clock.monotonic()
      limits = new Limits({ clock, timeoutMs, noProgressMs, lastSign: watchSigns(signs, clock), ended: end })
      started?.()
    })
    const wallMs = (): number => clock.monotonic() - startedAt
    try {
      const { task: own, transfer } = sendable(task)
      const answer = await thread.run({ task: own, run, signs }, { signal: abort.signal, transferList: transfer })
      return this.#outcome(answer, task, wallMs())
    } catch (error) {
      if (endedBy !== null) return endedOutcome(endedBy, endedSentence(endedBy, timeoutMs, noProgressMs), wallMs())
      return crashed(error, wallMs())
    } finally {
      this.#starting.delete(run)
      loading.stop()
      ;(limits as Limits | null)?.stop()
      signal.removeEventListener('abort', cancel)
    }
  }

  #outcome(answer: ThreadAnswer, task: Task, wallMs: number): Outcome {
    if (answer.kind !== 'unloadable')
      return outcomeOfAnswer(answer, () => valueOf(answer), capsOf(task, this.#options), wallMs)
    const message = `${this.#options.file} cannot be loaded in a thread: ${answer.why}.`
    return refusedOutcome('ENOEXEC', 'program', message)
  }

  #open(): Thread {
    const { file, maxHeapMb } = this.#options
    const thread: Thread = new Piscina<ThreadRequest, ThreadAnswer>({
      filename: fileURLToPath(import.meta.resolve('#function-thread')),
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      // A thread that waits for its next task goes on with its own timers and connections.
      atomics: 'disabled',
      recordTiming: false,
      workerData: { file },
      ...(maxHeapMb === 0 ? {} : { resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } }),
    })
    thread.on('message', (run: number) => this.#starting.get(run)?.())
    // A thread that dies with no task under way: it is replaced, and there is nobody to tell.
    thread.on('error', () => undefined)
    return thread
  }

  #close(thread: Thread): void {
    const closing = thread.destroy().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

const newSigns = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(4))

/** When the count changed last, as far as who asks now and then can tell. */
function watchSigns(signs: Int32Array<SharedArrayBuffer>, clock: Clock): () => number {
  let seen = 0
  let at = clock.monotonic()
  return () => {
    const now = Atomics.load(signs, 0)
    if (now !== seen) at = clock.monotonic()
    seen = now
    return at
  }
}

/** The thread died under the task, or the task could not be sent to it. */
function crashed(error: unknown, wallMs: number): Outcome {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    const message = 'The thread of the function ran out of memory; raise executor.function.max_heap_mb.'
    return endedOutcome('oom', message, wallMs)
  }
  if (name === 'DataCloneError') {
    const message = `The task cannot be sent to a thread: ${reasonOf(error)} Payload and metadata must be plain data.`
    return refusedOutcome('EINVAL', 'arguments', message)
  }
  const exited = /^worker exited with code: (\d+)$/.exec(reasonOf(error))
  if (exited !== null) return exitedOutcome(Number(exited[1]), wallMs)
  const stack = error instanceof Error ? (error.stack ?? error.message) : reasonOf(error)
  return {
    ...endedOutcome('exit', `The thread of the function ended: ${reasonOf(error)}`, wallMs),
    exitCode: 1,
    stderr: Buffer.from(stack),
  }
}

/** The function called `process.exit`, which ends its thread. */
function exitedOutcome(code: number, wallMs: number): Outcome {
  if (code === 0) return endedOutcome('protocol', 'The function ended its thread instead of answering.', wallMs)
  return { ...endedOutcome('exit', `The function ended its thread with exit code ${code}.`, wallMs), exitCode: code }
}
