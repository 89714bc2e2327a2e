/** Calls that run on the client's own threads: the client must not be destroyed under them. */
export class Running {
  readonly #calls = new Set<Promise<unknown>>()

  track<T>(call: Promise<T>): Promise<T> {
    const quiet = call.then(
      () => undefined,
      () => undefined,
    )
    this.#calls.add(quiet)
    void quiet.then(() => this.#calls.delete(quiet))
    return call
  }

  /** Resolves when those that run now have ended, however. */
  async ended(): Promise<void> {
    await Promise.all(this.#calls)
  }
}
