/** Keeps polling and what must not happen during a poll apart. */
export class PollGate {
  #polling: Promise<unknown> = Promise.resolve()
  #exclusive: Promise<unknown> | null = null

  async poll<T>(run: () => Promise<T>): Promise<T> {
    while (this.#exclusive) await this.#exclusive
    const polling = run()
    this.#polling = polling.catch(() => undefined)
    return polling
  }

  /** Runs when the poll under way has returned; no other begins before it has ended. */
  async between<T>(run: () => Promise<T>): Promise<T> {
    while (this.#exclusive) await this.#exclusive
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#exclusive = promise
    try {
      await this.#polling
      return await run()
    } finally {
      this.#exclusive = null
      resolve()
    }
  }
}
