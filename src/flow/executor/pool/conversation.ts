import { type Answer, readAnswer } from './answer.ts'
import { type PoolProtocol, type Requests, requestsFor, type Work } from './requests.ts'
import { Violation } from './rules.ts'
import { FrameSplitter } from './split-frames.ts'
import { LineSplitter, type Splitter } from './split-lines.ts'

/** What a process said of the task that it was given as `job`. */
export interface ConversationEvents<T> {
  pong(cancel: boolean): void
  answered(job: T, answer: Extract<Answer, { kind: 'ok' | 'fail' }>): void
  partial(job: T, answer: Extract<Answer, { kind: 'partial' }>): void
  progress(job: T): void
}

const PING = Symbol('ping')
const BYE = Symbol('bye')

/**
 * One side of the protocol, ours: what was asked, and whether what comes back may be said at all. Knows no process, no
 * socket and no clock.
 */
export class Conversation<T> {
  readonly #requests: Requests
  readonly #splitter: Splitter
  readonly #events: ConversationEvents<T>
  readonly #asked: Map<number, T | typeof PING | typeof BYE> = new Map()
  #lastId = 0
  #saidBye = false

  constructor(protocol: PoolProtocol, maxAnswerBytes: number, events: ConversationEvents<T>) {
    this.#events = events
    this.#requests = requestsFor(protocol)
    const take = (header: unknown, body: Buffer | null): void => this.#hear(header, body)
    this.#splitter =
      protocol === 'json' ? new LineSplitter(maxAnswerBytes, take) : new FrameSplitter(maxAnswerBytes, take)
  }

  ping(): void {
    this.#requests.verb('ping', this.#ask(PING))
  }

  /** Answers the number under which it was asked. */
  task(job: T, work: Work): number {
    const id = this.#ask(job)
    this.#requests.task(id, work)
    return id
  }

  cancel(id: number): void {
    this.#requests.verb('cancel', id)
  }

  bye(): void {
    if (this.#saidBye) return
    this.#saidBye = true
    this.#requests.verb('bye', this.#ask(BYE))
  }

  /** What has to be sent now. */
  take(): ReturnType<Requests['take']> {
    return this.#requests.take()
  }

  /** Throws a `Violation`; then nothing that comes is worth reading. */
  receive(chunk: Buffer): void {
    this.#splitter.push(chunk)
  }

  /** Its stdout is at its end. Throws a `Violation`. */
  end(): void {
    this.#splitter.end()
  }

  #ask(what: T | typeof PING | typeof BYE): number {
    this.#lastId += 1
    this.#asked.set(this.#lastId, what)
    return this.#lastId
  }

  #hear(header: unknown, body: Buffer | null): void {
    const said = readAnswer(header, body)
    const id = said.id ?? this.#onlyOne()
    const asked = this.#asked.get(id)
    if (asked === undefined) throw this.#unasked(id)
    const { answer } = said
    if (asked === BYE) this.#asked.delete(id)
    else if (asked === PING) this.#pong(id, answer)
    else this.#ofTask(id, asked, answer)
  }

  #pong(id: number, answer: Answer): void {
    if (answer.kind !== 'pong' && answer.kind !== 'ok') {
      throw new Violation('op', `answered a ping with \`${answer.kind}\``)
    }
    this.#asked.delete(id)
    this.#events.pong(answer.kind === 'pong' && answer.cancel)
  }

  #ofTask(id: number, job: T, answer: Answer): void {
    switch (answer.kind) {
      case 'ok':
      case 'fail':
        this.#asked.delete(id)
        return this.#events.answered(job, answer)
      case 'partial':
        return this.#events.partial(job, answer)
      case 'progress':
        return this.#events.progress(job)
      case 'pong':
        throw new Violation('op', `answered task ${id} with \`pong\``)
    }
  }

  /** Guessing would give one task the result of another. */
  #onlyOne(): number {
    if (this.#asked.size === 1) for (const id of this.#asked.keys()) return id
    if (this.#asked.size === 0) throw this.#unasked(null)
    throw new Violation('id', `answered without an id while ${this.#asked.size} requests were in flight`)
  }

  #unasked(id: number | null): Violation {
    if (this.#saidBye) return new Violation('bye', 'wrote something after it had been told bye')
    if (id === null) return new Violation('unasked', 'said something while nothing was asked')
    if (id > 0 && id <= this.#lastId) return new Violation('once', `answered request ${id} again`)
    return new Violation('unasked', `answered request ${id}, which was never made`)
  }
}
