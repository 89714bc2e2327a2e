/** Under which leader epoch the fetched offsets stood; a commit tells the broker that of the last offset it covers. */
export class LeaderEpochs {
  readonly #since: { readonly from: number; readonly epoch: number }[] = []

  fetched(offset: number, epoch: number | undefined): void {
    if (epoch !== undefined && this.#since.at(-1)?.epoch !== epoch) this.#since.push({ from: offset, epoch })
  }

  /** The epoch of the last offset below `offset`; forgets what is older. */
  below(offset: number): number | undefined {
    const since = this.#since
    while (since.length > 1 && (since[1]?.from ?? 0) < offset) since.shift()
    const first = since[0]
    return first !== undefined && first.from < offset ? first.epoch : undefined
  }
}
