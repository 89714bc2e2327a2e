/** Who hears of an abort. */
export type CancelListener = (() => void) | { handleEvent(): void }

/** What a runner needs of an abort signal; an `AbortSignal` is one. */
export interface CancelSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: CancelListener): void
  removeEventListener(type: 'abort', listener: CancelListener): void
}

/** The signal of one run, and the way to abort it; an `AbortController` and its listeners cost several times as much. */
export class Cancellation implements CancelSignal {
  #aborted = false
  /** Nearly always one. */
  #listener: CancelListener | null = null
  #others: CancelListener[] | null = null

  get aborted(): boolean {
    return this.#aborted
  }

  addEventListener(_type: 'abort', listener: CancelListener): void {
    if (this.#listener === null) this.#listener = listener
    else if (this.#listener !== listener && this.#others?.includes(listener) !== true) {
      this.#others ??= []
      this.#others.push(listener)
    }
  }

  removeEventListener(_type: 'abort', listener: CancelListener): void {
    if (this.#listener === listener) this.#listener = this.#others?.shift() ?? null
    else this.#others = this.#others?.filter((other) => other !== listener) ?? null
  }

  /** Tells all who listen, once. */
  abort(): void {
    if (this.#aborted) return
    this.#aborted = true
    const listeners = this.#listener === null ? [] : [this.#listener, ...(this.#others ?? [])]
    this.#listener = null
    this.#others = null
    for (const listener of listeners) {
      if (typeof listener === 'function') listener()
      else listener.handleEvent()
    }
  }
}
