import { partitionKey, reasonOf, type TopicPartition } from '../../../../model/index.ts'
import { DriverError, type RebalanceListener, type StartPosition } from '../driver.ts'
import type { RdConsumer, RdError, RdPartition, RdPosition } from './client-types.ts'
import { CODE, driverError, fromClient } from './errors.ts'

/** librdkafka's "no offset given". */
const NO_OFFSET = -1001
/** librdkafka's numbers for the ends of a log. */
export const LOGICAL = { earliest: -2, latest: -1 } as const

export interface RebalanceParts {
  readonly client: RdConsumer
  readonly listener: RebalanceListener
  /** Turns logical positions into numbers; positions that cannot be resolved stay as they are. */
  resolve(starts: readonly StartPosition[]): Promise<readonly StartPosition[]>
  /** Partitions were taken; nothing of them has been polled yet. */
  taken(partitions: readonly TopicPartition[]): void
  failed(error: DriverError): void
}

/**
 * Answers the group. Each event of the client ends in exactly one call of the assign family, one event after the other:
 * the group waits for it, and hangs where it does not come.
 */
export class Rebalancer {
  readonly #parts: RebalanceParts
  /** What is owned, with the position it was given last. */
  readonly #owned = new Map<string, RdPosition>()
  /** What the group gave us and the listener is still asked about: ours to commit, not yet ours to read. */
  readonly #offered = new Set<string>()
  /** Owned when the group put us out for not polling: lost, whatever the client says when they are revoked. */
  readonly #evicted = new Set<string>()
  #tail: Promise<void> = Promise.resolve()
  #waiting = 0
  #eager = false
  #disconnecting = false
  readonly #closing = Promise.withResolvers<null>()

  constructor(parts: RebalanceParts) {
    this.#parts = parts
  }

  /** True while no event waits for its answer. */
  get idle(): boolean {
    return this.#waiting === 0
  }

  /** Resolves when all events so far are answered. */
  settled(): Promise<void> {
    return this.#tail
  }

  owns(at: TopicPartition): boolean {
    return this.#owned.has(partitionKey(at))
  }

  /** Ours as the group sees it: owned, or about to be taken. */
  holds(at: TopicPartition): boolean {
    return this.owns(at) || this.#offered.has(partitionKey(at))
  }

  owned(): readonly RdPosition[] {
    return [...this.#owned.values()]
  }

  /** Notes the position that an owned partition was given last. */
  givenTo(at: TopicPartition, position: RdPosition): void {
    if (this.owns(at)) this.#owned.set(partitionKey(at), position)
  }

  get eager(): boolean {
    return this.#eager
  }

  /** The group has put us out: it waits no longer, and others may own what we own. */
  evicted(): void {
    for (const key of this.#owned.keys()) this.#evicted.add(key)
  }

  /** From now on a pending assignment is answered without its listener, so that the client can be closed. */
  beginClose(): void {
    this.#closing.resolve(null)
  }

  /** From now on the native client is closing: all that comes is given up at once. */
  disconnecting(): void {
    this.#disconnecting = true
  }

  /** The client's rebalance callback. */
  readonly onEvent = (event: RdError | undefined, partitions: readonly RdPartition[]): void => {
    if (this.#disconnecting) {
      this.#giveUp(partitions)
      return
    }
    this.#waiting += 1
    this.#tail = this.#tail
      .then(() => this.#answer(event, partitions))
      .finally(() => {
        this.#waiting -= 1
      })
  }

  async #answer(event: RdError | undefined, partitions: readonly RdPartition[]): Promise<void> {
    const { client } = this.#parts
    if (!this.#disconnecting) this.#eager = client.rebalanceProtocol() === 'EAGER'
    if (event?.code === CODE.assignPartitions) {
      await this.#assigned(partitions)
      return
    }
    if (event?.code !== CODE.revokePartitions) {
      this.#parts.failed(event ? fromClient(event, 'rebalancing') : driverError(CODE.state, 'rebalancing'))
    }
    await this.#revoked(partitions)
  }

  async #assigned(partitions: readonly RdPartition[]): Promise<void> {
    for (const at of partitions) this.#offered.add(partitionKey(at))
    const starts = await this.#startsOf(partitions)
    this.#offered.clear()
    if (this.#disconnecting) {
      this.#giveUp(partitions)
      return
    }
    for (const start of starts) this.#owned.set(partitionKey(start), start)
    this.#call('taking the assigned partitions', () => {
      if (this.#eager) this.#parts.client.assign(starts)
      else this.#parts.client.incrementalAssign(starts)
      // A pause outlives its assignment inside the client: a partition that comes back must flow.
      if (starts.length === 0) return
      this.#parts.client.resume(starts)
      this.#parts.taken(starts)
    })
  }

  /** Without positions (the listener failed, or we are closing) the group still gets its answer. */
  async #startsOf(partitions: readonly RdPartition[]): Promise<readonly RdPosition[]> {
    const none = partitions.map(({ topic, partition }) => ({ topic, partition, offset: NO_OFFSET }))
    try {
      const given = await Promise.race([this.#startPositions(partitions), this.#closing.promise])
      return given ?? none
    } catch (error) {
      this.#parts.failed(listenerFailed('assigned', error))
      return none
    }
  }

  async #startPositions(partitions: readonly RdPartition[]): Promise<readonly RdPosition[]> {
    const given = await this.#parts.listener.assigned(partitions.map(({ topic, partition }) => ({ topic, partition })))
    const resolved = await this.#parts.resolve(given)
    const byKey = new Map(resolved.map((start) => [partitionKey(start), start]))
    return partitions.map((at) => {
      const start = byKey.get(partitionKey(at))
      if (!start) throw new Error(`no start position was given for ${partitionKey(at)}`)
      return toPosition(start)
    })
  }

  async #revoked(partitions: readonly RdPartition[]): Promise<void> {
    const evicted = partitions.some((at) => this.#evicted.has(partitionKey(at)))
    const lost = evicted || (!this.#disconnecting && this.#parts.client.assignmentLost())
    if (partitions.length > 0) {
      try {
        await this.#parts.listener.revoked(
          partitions.map(({ topic, partition }) => ({ topic, partition })),
          { lost },
        )
      } catch (error) {
        this.#parts.failed(listenerFailed('revoked', error))
      }
    }
    this.#giveUp(partitions)
  }

  #giveUp(partitions: readonly RdPartition[]): void {
    for (const at of partitions) {
      this.#owned.delete(partitionKey(at))
      this.#evicted.delete(partitionKey(at))
    }
    this.#call('giving up partitions', () => {
      if (this.#eager) this.#parts.client.unassign()
      else this.#parts.client.incrementalUnassign(partitions)
    })
  }

  #call(what: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      if (this.#disconnecting) this.#anyAnswer()
      else this.#parts.failed(fromClient(error as Error, what))
    }
  }

  /** While disconnecting the client may have forgotten the partitions already; it only needs any answer. */
  #anyAnswer(): void {
    try {
      this.#parts.client.unassign()
    } catch {
      // It is gone altogether, and waits for nothing.
    }
  }
}

export function toPosition(start: StartPosition): RdPosition {
  const { topic, partition, offset } = start
  return { topic, partition, offset: typeof offset === 'number' ? offset : LOGICAL[offset] }
}

function listenerFailed(hook: string, error: unknown): DriverError {
  return new DriverError(`the rebalance listener's "${hook}" failed: ${reasonOf(error)}`, {
    code: 'ERR__APPLICATION',
    errno: CODE.application,
    fatal: true,
  })
}
