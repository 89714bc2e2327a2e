import { type BackoffOptions, backoffMs, type Clock, type Random, sleep } from '../../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../../model/index.ts'
import { DriverError, type TransactionalProducer } from '../driver.ts'

const BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 5000 }
/** Attempts to take the transactional id before the start is given up. */
const START_ATTEMPTS = 4

interface ProducersParts {
  readonly make: () => TransactionalProducer
  readonly transactionalId: string
  readonly clock: Clock
  readonly random: Random
  readonly closing: AbortSignal
}

/** One producer at a time, with a new one in its place when it breaks. The new one ends what the old one left open. */
export class Producers {
  readonly #parts: ProducersParts
  #current: Promise<TransactionalProducer> | null = null
  readonly #retired: Promise<void>[] = []
  #users = 0

  constructor(parts: ProducersParts) {
    this.#parts = parts
  }

  /** Who has connected and not closed. */
  get users(): number {
    return this.#users
  }

  async connect(): Promise<void> {
    const { clock, random, closing, transactionalId } = this.#parts
    this.#users += 1
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.current()
        return
      } catch (error) {
        const hopeless = !(error instanceof DriverError) || !error.retriable
        if (hopeless || attempt === START_ATTEMPTS || closing.aborted) {
          this.#users -= 1
          throw startError(error, transactionalId)
        }
        await sleep(clock, backoffMs(attempt, BACKOFF, random), closing)
      }
    }
  }

  /** The one that works, connected. */
  current(): Promise<TransactionalProducer> {
    if (this.#current !== null) return this.#current
    if (this.#parts.closing.aborted) return Promise.reject(new Error('the transactional producer is closed'))
    const opening = this.#open().catch((error: unknown) => {
      if (this.#current === opening) this.#current = null
      throw error
    })
    this.#current = opening
    return opening
  }

  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    return (await this.current()).describe(topics)
  }

  /** This one is broken. */
  replace(broken: TransactionalProducer): void {
    this.#current = null
    // How it closes changes nothing.
    this.#retired.push(broken.close().catch(() => undefined))
  }

  /** Asks once nothing of a former producer is open; again until there is an answer. Null where we close before. */
  async settle<Answer>(ask: () => Promise<Answer>): Promise<Answer | null> {
    const { clock, random, closing } = this.#parts
    for (let attempt = 1; !closing.aborted; attempt += 1) {
      try {
        await this.current()
        return await ask()
      } catch {
        await sleep(clock, backoffMs(attempt, BACKOFF, random), closing)
      }
    }
    return null
  }

  async close(): Promise<void> {
    if (this.#users === 0) return
    this.#users -= 1
    if (this.#users > 0) return
    const current = this.#current
    this.#current = null
    // One that could not be opened has nothing to close.
    const producer = await current?.catch(() => null)
    await producer?.close()
    await Promise.all(this.#retired)
  }

  async #open(): Promise<TransactionalProducer> {
    const producer = this.#parts.make()
    try {
      await producer.connect()
      return producer
    } catch (error) {
      this.#retired.push(producer.close().catch(() => undefined))
      throw error
    }
  }
}

function startError(error: unknown, transactionalId: string): DrakkarError {
  if (error instanceof DrakkarError) return error
  return new DrakkarError('SINK_UNAVAILABLE', `transactional Kafka sinks cannot be used: ${reasonOf(error)}`, {
    cause: error,
    advice: `The worker needs Write and Describe on the transactional id ${transactionalId}, and brokers that have transactions. Else take \`transactional: true\` out.`,
  })
}
