/** Remembers at least the last `limit` ids and at most twice as many. */
export class SeenIds {
  readonly #limit: number
  #young = new Set<string>()
  #old: ReadonlySet<string> = new Set()

  constructor(limit: number, ids: Iterable<string> = []) {
    this.#limit = limit
    for (const id of ids) this.add(id)
  }

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id)
  }

  /** True where older ids were forgotten. */
  add(id: string): boolean {
    this.#young.add(id)
    if (this.#young.size < this.#limit) return false
    this.#old = this.#young
    this.#young = new Set()
    return true
  }

  /** Oldest first. */
  all(): string[] {
    return [...this.#old, ...this.#young]
  }
}
