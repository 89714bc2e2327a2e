import {
  type CommitRequest,
  DriverError,
  type KafkaConsumer,
  type ProducerRecord,
  type TransactionalProducer,
} from '../../flow/source/index.ts'
import { sleep } from '../../lib/index.ts'
import type { Cluster } from './cluster.ts'
import { ModelConsumer } from './consumer.ts'
import { driverError } from './errors.ts'
import type { Fate, Link } from './link.ts'

/** How long the client tries before it gives a record up, milliseconds. */
const DELIVERY_TIMEOUT_MS = 3_000

/** Transactions of the model broker, as the real client makes them: visible at their end, all of it or nothing. */
export class ModelTransactions implements TransactionalProducer {
  readonly #cluster: Cluster
  readonly #link: Link
  readonly #client: string
  readonly #id: string
  #epoch = 0
  /** Something failed: the transaction can only be aborted. */
  #spoilt = false
  #outstanding: Promise<unknown> = Promise.resolve()

  constructor(of: { cluster: Cluster; link: Link; client: string; transactionalId: string }) {
    this.#cluster = of.cluster
    this.#link = of.link
    this.#client = of.client
    this.#id = of.transactionalId
  }

  async connect(): Promise<void> {
    this.#epoch = await this.#link.request(() => this.#cluster.transactions.init(this.#id))
  }

  async begin(): Promise<void> {
    this.#spoilt = false
    await this.#request(() => this.#cluster.transactions.begin(this.#id, this.#epoch))
  }

  sendAll(records: readonly ProducerRecord[]): Promise<readonly (Error | null)[]> {
    const answers = Promise.all(
      records.map((record) =>
        this.#send(record).then(
          () => null,
          (error: Error) => {
            this.#spoilt = true
            return error
          },
        ),
      ),
    )
    this.#outstanding = answers
    return answers
  }

  async sendOffsets(requests: readonly CommitRequest[], consumer: KafkaConsumer): Promise<void> {
    if (!(consumer instanceof ModelConsumer)) throw driverError('ERR__STATE', 'a consumer of another driver')
    try {
      await consumer.offsetsFor(requests, (by) =>
        this.#request(() => {
          const group = this.#cluster.group(by.group)
          for (const at of requests) {
            const error = group.refusal(by.member, by.generation, at, at)
            if (error !== null) throw driverError(error, `offsets of ${at.topic}:${at.partition} at ${at.offset}`)
          }
          const { offsets } = this.#cluster.transactions.open(this.#id, this.#epoch, this.#client)
          for (const at of requests) offsets.push({ at, by })
        }),
      )
    } catch (error) {
      this.#spoilt = true
      throw abortable(error)
    }
  }

  async commit(): Promise<void> {
    if (this.#spoilt) throw abortable(driverError('ERR__STATE', 'something of the transaction failed'))
    await this.#end('committed')
  }

  /** What is on its way must not arrive in the next transaction: the real client waits for it too. */
  async abort(): Promise<void> {
    await this.#outstanding
    await this.#end('aborted')
  }

  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    return this.#link.request(() => new Map(topics.map((topic) => [topic, this.#cluster.logs(topic)?.length ?? null])))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #send(record: ProducerRecord): Promise<void> {
    const { faults } = this.#cluster
    if (this.#link.chance(faults.produceFailed) || faults.closedTopics.has(record.topic)) {
      await sleep(this.#link.clock, DELIVERY_TIMEOUT_MS)
      throw driverError('ERR__MSG_TIMED_OUT', `a record for ${record.topic} was not taken in time`)
    }
    await this.#link.request(
      () => {
        if (this.#cluster.logs(record.topic) === undefined)
          throw driverError('ERR_UNKNOWN_TOPIC_OR_PART', `no topic ${record.topic}`)
        this.#cluster.transactions.open(this.#id, this.#epoch, this.#client).records.push(record)
      },
      {
        fate: this.#link.chance(faults.produceAnswerLost) ? 'answer-lost' : 'served',
        timeoutMs: DELIVERY_TIMEOUT_MS,
      },
    )
  }

  async #end(how: 'committed' | 'aborted'): Promise<void> {
    const { commitRefused } = this.#cluster.faults
    if (this.#link.chance(commitRefused)) {
      await this.#link.request(() => undefined)
      throw driverError('ERR_COORDINATOR_LOAD_IN_PROGRESS', `the transaction is not ${how} yet`)
    }
    await this.#request(() => this.#cluster.transactions.end(this.#id, this.#epoch, how))
  }

  #request<T>(serve: () => T): Promise<T> {
    const { commitLost, commitAnswerLost } = this.#cluster.faults
    const lost = this.#link.chance(commitLost)
    const fate: Fate = lost ? 'request-lost' : this.#link.chance(commitAnswerLost) ? 'answer-lost' : 'served'
    return this.#link.request(serve, { fate })
  }
}

/** The client says of every error within a transaction that it must be aborted, unless it is worse. */
function abortable(error: unknown): Error {
  if (!(error instanceof DriverError) || error.fatal) return error as Error
  return new DriverError(error.message, { code: error.code, errno: error.errno, abortable: true })
}
