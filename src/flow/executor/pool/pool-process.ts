import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../../lib/index.ts'
import type { Launchers } from '../launcher/launchers.ts'
import type { LaunchReport, LaunchRequest } from '../launcher/link.ts'
import { Conversation, type ConversationEvents } from './conversation.ts'
import type { ProgramFiles } from './program-file.ts'
import type { Reception } from './reception.ts'
import type { RecycleReason } from './recycle.ts'
import type { PoolProtocol, Work } from './requests.ts'
import { Violation } from './rules.ts'

export interface PoolProcessOptions {
  readonly launchers: Launchers
  readonly reception: Reception
  /** Without the connection. */
  readonly request: LaunchRequest
  readonly protocol: PoolProtocol
  readonly maxAnswerBytes: number
  /** From the start to the answer of the first ping, milliseconds; 0 = any. */
  readonly readyTimeoutMs: number
  readonly clock: Clock
  readonly files: ProgramFiles | null
}

/** Why a process ended, besides what its launcher reports. */
export type EndCause =
  /** It ended by itself. */
  | { readonly kind: 'own' }
  /** It closed its connection, and was ended for it. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'violation'; readonly violation: Violation }
  | { readonly kind: 'not-ready' }
  | { readonly kind: 'recycled'; readonly reason: RecycleReason }
  /** One of its tasks had to be ended. */
  | { readonly kind: 'task' }
  | { readonly kind: 'stop' }

export interface ProcessEnd {
  readonly cause: EndCause
  readonly report: LaunchReport
}

export interface PoolProcessEvents<T> extends Omit<ConversationEvents<T>, 'pong'> {
  ready(process: PoolProcess<T>): void
  /** Something is to be sent; call `flush` soon. */
  dirty(process: PoolProcess<T>): void
  /** Nothing of it lives any more, and everything that it said was heard. */
  ended(process: PoolProcess<T>, end: ProcessEnd): void
}

/** Between the end of its connection and the report of its exit. */
const EXIT_MS = 1_000
/** Between the report of its exit and the end of its connection: somebody else may still hold it. */
const LAST_WORDS_MS = 200
const MAX_BYE_MS = 2_000
/** Who goes in peace, or has ended, may still have broken a rule with its last words. */
const MILD: ReadonlySet<string> = new Set(['own', 'recycled', 'stop'])

/** One persistent process from its start to its end. `T` is what the pool keeps for each task. */
export class PoolProcess<T> {
  readonly files: ProgramFiles | null
  readonly startedAt: number
  /** Tasks in flight, by the number under which they were asked. */
  readonly jobs: Map<number, T> = new Map()
  state: 'starting' | 'ready' | 'leaving' | 'ended' = 'starting'
  /** Ends when its successor is ready; until then it works. */
  replaced: RecycleReason | null = null
  /** Runs one task alone. */
  exclusive = false
  /** Tasks that it was given so far. */
  tasks = 0
  /** Since when nothing is in flight. */
  idleSince: number
  rssBytes = 0
  pid = 0
  takesCancel = false
  wasReady = false
  readonly #options: PoolProcessOptions
  readonly #events: PoolProcessEvents<T>
  readonly #conversation: Conversation<T>
  readonly #kill: () => void
  #socket: Socket | null = null
  #cause: EndCause | null = null
  #report: LaunchReport | null = null
  #timer: Timer | null = null
  #deaf = false
  #killed = false

  constructor(options: PoolProcessOptions, events: PoolProcessEvents<T>) {
    this.#options = options
    this.#events = events
    this.files = options.files
    this.startedAt = options.clock.monotonic()
    this.idleSince = this.startedAt
    const { protocol, maxAnswerBytes, launchers, reception, request } = options
    this.#conversation = new Conversation<T>(protocol, maxAnswerBytes, {
      pong: (cancel) => this.#pong(cancel),
      answered: (job, answer) => this.#events.answered(job, answer),
      partial: (job, answer) => this.#events.partial(job, answer),
      progress: (job) => this.#events.progress(job),
    })
    const { dial, forget } = reception.expect((socket) => this.#connected(socket))
    this.#kill = launchers.launch(
      { ...request, dial },
      {
        started: (pid) => {
          this.pid = pid
        },
        ended: (report) => {
          forget()
          this.#reported(report)
        },
      },
    )
    if (options.readyTimeoutMs > 0) this.#wait(options.readyTimeoutMs, () => this.end({ kind: 'not-ready' }))
  }

  /** Gives it a task; it goes out with the next `flush`. */
  give(job: T, work: Work): number {
    const id = this.#conversation.task(job, work)
    this.jobs.set(id, job)
    this.tasks += 1
    this.#events.dirty(this)
    return id
  }

  /** The task was answered. */
  done(id: number): void {
    this.jobs.delete(id)
    this.exclusive = false
    if (this.jobs.size > 0) return
    this.idleSince = this.#options.clock.monotonic()
    if (this.state === 'leaving' && this.#cause?.kind === 'recycled') this.#sayBye()
  }

  cancel(id: number): void {
    this.#conversation.cancel(id)
    this.#events.dirty(this)
  }

  flush(): void {
    const out = this.#conversation.take()
    const socket = this.#socket
    if (out === null || socket === null || !socket.writable) return
    socket.write(out.bytes, out.sent)
  }

  /** No task more; says bye when the last one is answered. */
  retire(reason: RecycleReason): void {
    if (this.state !== 'ready') return
    this.state = 'leaving'
    this.#cause = { kind: 'recycled', reason }
    if (this.jobs.size === 0) this.#sayBye()
  }

  /** SIGTERM, grace, SIGKILL to all of it, whatever is in flight. The first cause counts. */
  end(cause: EndCause): void {
    if (this.state === 'ended') return
    this.state = 'leaving'
    if (!this.#killed && (this.#cause === null || MILD.has(this.#cause.kind))) this.#cause = cause
    if (cause.kind === 'violation') this.#deaf = true
    if (this.#report === null) this.#endNow()
    else this.#socket?.destroy()
  }

  /** As well as it can be done quickly: what has nothing in flight is told bye first. */
  stop(): void {
    if (this.state === 'ready' && this.jobs.size === 0) {
      this.state = 'leaving'
      this.#cause = { kind: 'stop' }
      this.#sayBye()
    } else if (!(this.state === 'leaving' && this.jobs.size === 0)) this.end({ kind: 'stop' })
  }

  #endNow(): void {
    if (this.#killed) return
    this.#killed = true
    this.#timer?.cancel()
    this.#kill()
  }

  #connected(socket: Socket): void {
    this.#socket = socket
    socket.on('data', (chunk) => {
      if (!this.#deaf) this.#hear(() => this.#conversation.receive(chunk))
    })
    // A reset is an end like any other: the exit says more.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#closed())
    socket.resume()
    this.#conversation.ping()
    this.flush()
  }

  #hear(listen: () => void): void {
    try {
      listen()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      this.end({ kind: 'violation', violation: error })
    }
  }

  #pong(cancel: boolean): void {
    if (this.state !== 'starting') return
    this.#timer?.cancel()
    this.takesCancel = cancel
    this.state = 'ready'
    this.wasReady = true
    this.idleSince = this.#options.clock.monotonic()
    this.#events.ready(this)
  }

  /** The end of the input goes with it, for programs that just read until there is nothing more. */
  #sayBye(): void {
    this.#conversation.bye()
    this.flush()
    this.#socket?.end()
    this.#wait(Math.min(MAX_BYE_MS, this.#options.request.graceMs), () => this.#endNow())
  }

  #closed(): void {
    if (!this.#deaf) this.#hear(() => this.#conversation.end())
    this.#socket = null
    if (this.#report !== null) return this.#finish(this.#report)
    if (this.#killed) return
    // Its exit is on the way, as a rule.
    if (this.state !== 'leaving') this.state = 'leaving'
    this.#wait(EXIT_MS, () => this.end({ kind: 'closed' }))
  }

  #reported(report: LaunchReport): void {
    this.#report = report
    this.#cause ??= { kind: 'own' }
    this.state = 'leaving'
    const socket = this.#socket
    if (socket === null) return this.#finish(report)
    // What it said before it ended is still to be read.
    this.#wait(LAST_WORDS_MS, () => socket.destroy())
  }

  #finish(report: LaunchReport): void {
    if (this.state === 'ended') return
    this.state = 'ended'
    this.#timer?.cancel()
    this.#events.ended(this, { cause: this.#cause ?? { kind: 'own' }, report })
  }

  #wait(ms: number, then: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.timer(ms, then)
  }
}
