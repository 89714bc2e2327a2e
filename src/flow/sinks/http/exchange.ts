import type { Dispatcher } from 'undici'
import { type HttpAnswer, SHOWN_BYTES } from './answer.ts'

/** More of an answer is not read: its connection is closed instead. */
const MOST_ANSWER_BYTES = 256 * 1024

/**
 * Sends one request, and reads its answer to the end, so that its connection can be used again. Rejects where no complete
 * answer came; as soon as `signal` aborts, with its reason.
 */
export function exchange(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    else dispatcher.dispatch(options, new Exchange(signal, resolve, reject))
  })
}

/** Takes what comes as it comes: a stream for each answer, which few people look at, costs more than all the rest. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal
  readonly #resolve: (answer: HttpAnswer) => void
  readonly #reject: (error: Error) => void
  readonly #onAbort = (): void => {
    this.#end()
    const reason = this.#signal.reason as Error
    this.#controller?.abort(reason)
    this.#reject(reason)
  }
  #controller: Dispatcher.DispatchController | null = null
  #ended = false
  #status = 0
  #retryAfter: string | undefined
  #location: string | undefined
  readonly #kept: Buffer[] = []
  #bytes = 0

  constructor(signal: AbortSignal, resolve: (answer: HttpAnswer) => void, reject: (error: Error) => void) {
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    signal.addEventListener('abort', this.#onAbort)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It waited for a connection, and nobody wants it any more.
    if (this.#ended) controller.abort(this.#signal.reason as Error)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    // Hints (1xx) come before the answer, whose own values then take their place.
    this.#status = status
    this.#retryAfter = first(headers['retry-after'])
    this.#location = first(headers['location'])
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return
    if (this.#bytes < SHOWN_BYTES) this.#kept.push(chunk.subarray(0, SHOWN_BYTES - this.#bytes))
    this.#bytes += chunk.length
    if (this.#bytes <= MOST_ANSWER_BYTES) return
    this.onResponseEnd()
    controller.abort(new Error('the rest of the answer is not wanted'))
  }

  onResponseEnd(): void {
    if (this.#ended) return
    this.#end()
    this.#resolve({
      status: this.#status,
      retryAfter: this.#retryAfter,
      location: this.#location,
      text: this.#kept.length === 0 ? '' : Buffer.concat(this.#kept).toString('utf8'),
    })
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.#ended = true
    this.#signal.removeEventListener('abort', this.#onAbort)
  }
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
