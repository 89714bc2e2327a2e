import { reasonOf } from '../../../model/index.ts'
import { type OutgoingRecord, type RecordProducer, sendAll } from '../record-producer.ts'

/**
 * A producer that outlives fatal errors of its client: an idempotent producer that lost its sequence refuses everything
 * for ever, so the next `send` gets a new one from `make`. What was outstanding is rejected and may be in the topic.
 */
export function revivingProducer(make: () => RecordProducer): RecordProducer {
  return new RevivingProducer(make)
}

class RevivingProducer implements RecordProducer {
  readonly #make: () => RecordProducer
  #current: Promise<RecordProducer> | null = null
  readonly #retired: Promise<void>[] = []
  #closed = false

  constructor(make: () => RecordProducer) {
    this.#make = make
  }

  async connect(): Promise<void> {
    await this.#open()
  }

  async send(record: OutgoingRecord): ReturnType<RecordProducer['send']> {
    const current = this.#open()
    const producer = await current
    try {
      return await producer.send(record)
    } catch (error) {
      if (isFatal(error)) this.#retire(current, producer)
      throw error
    }
  }

  async sendAll(records: readonly OutgoingRecord[]): Promise<readonly (Error | null)[]> {
    const current = this.#open()
    let producer: RecordProducer
    try {
      producer = await current
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(reasonOf(thrown))
      return records.map(() => error)
    }
    const answers = await sendAll(producer, records)
    if (answers.some(isFatal)) this.#retire(current, producer)
    return answers
  }

  async flush(timeoutMs: number): Promise<void> {
    const producer = await this.#current
    await producer?.flush(timeoutMs)
  }

  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    const producer = await this.#open()
    return producer.describe(topics)
  }

  async close(): Promise<void> {
    this.#closed = true
    const current = this.#current
    this.#current = null
    // One that could not be opened has nothing to close, and whoever opened it was told.
    const producer = await current?.catch(() => null)
    await producer?.close()
    await Promise.all(this.#retired)
  }

  /** The next `send` gets a new one, unless another failure has seen to that already. */
  #retire(current: Promise<RecordProducer>, producer: RecordProducer): void {
    if (this.#current !== current) return
    this.#current = null
    // It is dead already: how it closes changes nothing.
    this.#retired.push(producer.close().catch(() => undefined))
  }

  #open(): Promise<RecordProducer> {
    if (this.#current !== null) return this.#current
    if (this.#closed) return Promise.reject(new Error('the producer is closed'))
    const opening = this.#connected().catch((error: unknown) => {
      if (this.#current === opening) this.#current = null
      throw error
    })
    this.#current = opening
    return opening
  }

  async #connected(): Promise<RecordProducer> {
    const producer = this.#make()
    await producer.connect()
    return producer
  }
}

function isFatal(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'fatal' in error && error.fatal === true
}
