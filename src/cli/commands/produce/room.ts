import { type Deferred, deferred } from '../../../lib/index.ts'

/** Bounds what is sent and not yet acknowledged, in records and bytes: reading waits while it is full. */
export class Room {
  readonly #maxRecords: number
  readonly #maxBytes: number
  #records = 0
  #bytes = 0
  #changed: Deferred<void> | null = null

  constructor(maxRecords: number, maxBytes: number) {
    this.#maxRecords = maxRecords
    this.#maxBytes = maxBytes
  }

  /** Resolves when a record of this size may go out and has its place; one alone may be larger than all the room. */
  async enter(bytes: number): Promise<void> {
    while (this.#records >= this.#maxRecords || (this.#records > 0 && this.#bytes + bytes > this.#maxBytes)) {
      await this.#change()
    }
    this.#records += 1
    this.#bytes += bytes
  }

  leave(bytes: number): void {
    this.#records -= 1
    this.#bytes -= bytes
    this.#changed?.resolve()
    this.#changed = null
  }

  /** Resolves when nothing is under way. */
  async empty(): Promise<void> {
    while (this.#records > 0) await this.#change()
  }

  #change(): Promise<void> {
    this.#changed ??= deferred()
    return this.#changed.promise
  }
}
