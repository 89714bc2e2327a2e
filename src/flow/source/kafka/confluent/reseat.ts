import { setImmediate as nextTurn } from 'node:timers/promises'
import { partitionKey } from '../../../../model/index.ts'
import type { RdConsumer, RdError, RdPosition } from './client-types.ts'
import { CODE, driverError, fromClient } from './errors.ts'
import type { Rebalancer } from './rebalance.ts'

/**
 * Seeks. The client refuses to seek a partition that it stopped because its position was out of range: such a one is
 * given up and taken again at the new position, which is no business of the group.
 */
export class Reseat {
  readonly #client: RdConsumer
  readonly #rebalancer: Rebalancer

  constructor(client: RdConsumer, rebalancer: Rebalancer) {
    this.#client = client
    this.#rebalancer = rebalancer
  }

  /** To be called between polls only. Rejects with a retriable error where a rebalance is under way. */
  async seek(position: RdPosition, timeoutMs: number): Promise<void> {
    const what = `seeking ${partitionKey(position)} to ${position.offset}`
    const error = await new Promise<RdError | null | undefined>((resolve) =>
      this.#client.seek(position, timeoutMs, resolve),
    )
    if (!error) return
    if (error.code !== CODE.state) throw fromClient(error, what)
    // What the last poll raised reaches JavaScript within two turns of the event loop.
    await nextTurn()
    await nextTurn()
    // An assign call while the group waits for one would be taken for the answer to it; and the answer may need polls.
    if (!this.#rebalancer.idle) throw driverError(CODE.previousInProgress, `${what} during a rebalance`)
    if (!this.#rebalancer.owns(position)) return
    try {
      this.#takeAgain(position)
    } catch (thrown) {
      throw fromClient(thrown as Error, what)
    }
  }

  #takeAgain(position: RdPosition): void {
    if (!this.#rebalancer.eager) {
      this.#client.incrementalUnassign([position])
      this.#client.incrementalAssign([position])
      return
    }
    // The eager protocol knows whole assignments only: all others go on from where they are.
    const owned = this.#rebalancer.owned()
    const read = new Map(this.#client.position(owned).map((at) => [partitionKey(at), at.offset]))
    this.#client.assign(
      owned.map((given) =>
        partitionKey(given) === partitionKey(position)
          ? position
          : { ...given, offset: read.get(partitionKey(given)) ?? given.offset ?? -1001 },
      ),
    )
  }
}
