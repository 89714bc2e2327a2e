import type { Clock } from '../../../../lib/index.ts'
import type {
  ClientProperties,
  CommitRequest,
  KafkaConsumer,
  ProducerRecord,
  TransactionalOptions,
  TransactionalProducer,
} from '../driver.ts'
import type { RdKafka } from './client-types.ts'
import { ConfluentConsumer } from './consumer.ts'
import { wrongState } from './errors.ts'
import { ConfluentProducer } from './producer.ts'
import type { Timing } from './timing.ts'

/** Transactions of the real client. Built by `confluentDriver`. */
export class ConfluentTransactions implements TransactionalProducer {
  readonly #producer: ConfluentProducer
  readonly #timing: Timing

  constructor(
    kafka: RdKafka,
    properties: ClientProperties,
    options: TransactionalOptions,
    clock: Clock,
    timing: Timing,
  ) {
    this.#producer = new ConfluentProducer(kafka, properties, options, clock, timing)
    this.#timing = timing
  }

  async connect(): Promise<void> {
    await this.#producer.connect()
    const { transactionMs } = this.#timing
    await this.#producer.transaction('taking the transactional id', (client, done) =>
      client.initTransactions(transactionMs, done),
    )
  }

  begin(): Promise<void> {
    return this.#producer.transaction('beginning a transaction', (client, done) => client.beginTransaction(done))
  }

  async sendAll(records: readonly ProducerRecord[]): Promise<readonly (Error | null)[]> {
    const answers = this.#producer.sendAll(records)
    // Nobody sends more: what lingers goes now.
    await this.#producer.flush(this.#timing.transactionMs)
    return answers
  }

  async sendOffsets(requests: readonly CommitRequest[], consumer: KafkaConsumer): Promise<void> {
    if (!(consumer instanceof ConfluentConsumer)) throw wrongState('offsets of a consumer of another driver')
    const { transactionMs } = this.#timing
    await consumer.offsetsFor(requests, (positions, member) =>
      this.#producer.transaction('handing offsets to a transaction', (client, done) =>
        client.sendOffsetsToTransaction(positions, member, transactionMs, done),
      ),
    )
  }

  commit(): Promise<void> {
    const { transactionMs } = this.#timing
    return this.#producer.transaction('committing a transaction', (client, done) =>
      client.commitTransaction(transactionMs, done),
    )
  }

  abort(): Promise<void> {
    const { transactionMs } = this.#timing
    return this.#producer.transaction('aborting a transaction', (client, done) =>
      client.abortTransaction(transactionMs, done),
    )
  }

  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    return this.#producer.describe(topics)
  }

  close(): Promise<void> {
    return this.#producer.close()
  }
}
