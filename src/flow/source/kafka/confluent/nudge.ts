import { partitionKey, type TopicPartition } from '../../../../model/index.ts'
import type { RdConsumer } from './client-types.ts'
import type { Running } from './running.ts'

/** As a time: the end of the log, which a broker answers from memory. */
const END = -1
/** By then the client has woken up by itself. */
const TIMEOUT_MS = 1000

/**
 * Makes the client fetch a resumed partition now. It notes the resumption, but its thread for that broker goes on
 * sleeping, for up to a second (measured: 850 ms in the middle). A small request to the leader wakes it; one is under
 * way at a time, for all partitions that were resumed meanwhile.
 */
export class Nudge {
  readonly #client: Pick<RdConsumer, 'offsetsForTimes'>
  readonly #running: Running
  readonly #wanted = new Map<string, TopicPartition>()
  #busy = false
  #stopped = false

  constructor(client: Pick<RdConsumer, 'offsetsForTimes'>, running: Running) {
    this.#client = client
    this.#running = running
  }

  /** Partitions that were resumed. Those of the same turn go together. */
  resumed(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#wanted.set(partitionKey(at), at)
    if (this.#busy || this.#stopped || this.#wanted.size === 0) return
    this.#busy = true
    queueMicrotask(() => this.#ask())
  }

  /** From now on the client is not touched. */
  stop(): void {
    this.#stopped = true
    this.#wanted.clear()
  }

  #ask(): void {
    const partitions = [...this.#wanted.values()].map(({ topic, partition }) => ({ topic, partition, offset: END }))
    this.#wanted.clear()
    if (this.#stopped) return
    const answered = new Promise<void>((resolve) =>
      this.#client.offsetsForTimes(partitions, TIMEOUT_MS, () => resolve()),
    )
    // Neither its answer is needed nor its error: without it the client fetches somewhat later.
    const quiet = this.#running.track(answered).catch(() => undefined)
    void quiet.then(() => {
      this.#busy = false
      this.resumed([])
    })
  }
}
