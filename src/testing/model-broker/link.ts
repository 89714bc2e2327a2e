import type { Clock, Random } from '../../lib/index.ts'
import { driverError } from './errors.ts'
import type { BrokerFaults } from './faults.ts'

/** What becomes of one request. */
export type Fate = 'served' | 'request-lost' | 'answer-lost'

/**
 * The way between one client and the broker. The request travels on the broker's time, the answer on the client's: so
 * what a client sent before it died still arrives, and no answer ever reaches a dead one.
 */
export class Link {
  /** The client's own time; it stands still for ever once the client is dead. */
  readonly clock: Clock
  /** While true nothing gets through in either direction. */
  isolated: boolean = false
  readonly #broker: Clock
  readonly #faults: BrokerFaults
  readonly #random: Random

  constructor(of: { broker: Clock; client: Clock; faults: BrokerFaults; random: Random }) {
    this.clock = of.client
    this.#broker = of.broker
    this.#faults = of.faults
    this.#random = of.random
  }

  /** A machine that is off sends nothing, and nothing reaches it. */
  get dead(): boolean {
    const clock: Clock & { readonly alive?: boolean } = this.clock
    return clock.alive === false
  }

  latency(): number {
    const [min, max] = this.#faults.latencyMs
    return min + (max - min) * this.#random()
  }

  chance(share: number): boolean {
    return share > 0 && this.#random() < share
  }

  /** A whole number from 0 to `below`, the latter excluded. */
  pick(below: number): number {
    return Math.floor(this.#random() * below)
  }

  /**
   * Serves a request at the broker and brings its answer. Where either is lost on the way, the client learns after
   * `timeoutMs` that no answer came; it cannot know which it was.
   */
  request<T>(
    serve: () => T | Promise<T>,
    how: { readonly fate?: Fate; readonly timeoutMs?: number; readonly delayMs?: number } = {},
  ): Promise<T> {
    const { fate = 'served', timeoutMs = 5_000, delayMs = this.latency() } = how
    return new Promise((resolve, reject) => {
      if (this.dead) return
      const lost = (afterMs: number): void => {
        this.clock.timer(afterMs, () => reject(driverError('ERR__TIMED_OUT', 'no answer came from the broker')))
      }
      if (fate === 'request-lost' || this.isolated) {
        lost(timeoutMs)
        return
      }
      const back = (answer: () => void): void => {
        if (fate === 'answer-lost' || this.isolated) lost(Math.max(0, timeoutMs - delayMs))
        else this.clock.timer(this.latency(), answer)
      }
      this.#broker.timer(delayMs, () => {
        Promise.resolve()
          .then(serve)
          .then(
            (value) => back(() => resolve(value)),
            (error: Error) => back(() => reject(error)),
          )
      })
    })
  }
}
