import { type Clock, type Deferred, deferred } from '../../../../lib/index.ts'
import type { ClientProperties, KafkaProducer, ProducedAt, ProducerRecord, TransactionalOptions } from '../driver.ts'
import type { RdDone, RdError, RdKafka, RdProducer, RdReport } from './client-types.ts'
import { connect, construct } from './connect.ts'
import { Credentials } from './credentials.ts'
import { describeTopics } from './describe.ts'
import { CODE, driverError, fromClient, transactionError, wrongState } from './errors.ts'
import { Journal } from './journal.ts'
import { toRdHeaders } from './records.ts'
import { Running } from './running.ts'
import { producerProperties, transactionalProperties } from './settings.ts'
import type { Timing } from './timing.ts'
import { within } from './within.ts'

/** What stands in the properties of a producer beyond the connection. */
export type ProducerOptions = Parameters<typeof producerProperties>[1]

/** Who wants more for the last records flushes before closing. */
const LAST_FLUSH_MS = 5_000
/** Disconnecting flushes again; what mattered has been flushed by then. */
const NO_MORE_FLUSH_MS = 1

/** How often a record is sent anew that the client calls delivered at no offset. */
const MOST_UNPLACED = 5

/** Travels through the client with its record and comes back with the report. */
interface Sending {
  readonly record: ProducerRecord
  readonly answer: Answer
  /** Which record of its call it is. */
  readonly index: number
  /** Its place among the outstanding ones. */
  place: number
  /** How often the client called it delivered without a place in the log. */
  unplaced: number
}

/** Who waits for a record. */
interface Answer {
  placed(index: number, report: RdReport): void
  refused(index: number, error: Error): void
}

/** One promise for one record. */
class OneAnswer implements Answer {
  readonly #deferred: Deferred<ProducedAt> = deferred()

  get promise(): Promise<ProducedAt> {
    return this.#deferred.promise
  }

  placed(_index: number, { topic, partition, offset }: RdReport): void {
    this.#deferred.resolve({ topic, partition, offset })
  }

  refused(_index: number, error: Error): void {
    this.#deferred.reject(error)
  }
}

/** One promise for many. */
class ManyAnswers implements Answer {
  readonly #answers: (Error | null)[]
  readonly #deferred: Deferred<readonly (Error | null)[]> = deferred()
  #open: number

  constructor(records: number) {
    this.#open = records
    this.#answers = Array.from({ length: records }, () => null)
  }

  get promise(): Promise<readonly (Error | null)[]> {
    return this.#deferred.promise
  }

  placed(): void {
    this.#open -= 1
    if (this.#open === 0) this.#deferred.resolve(this.#answers)
  }

  refused(index: number, error: Error): void {
    this.#answers[index] = error
    this.placed()
  }
}

/** The producer of the real client. Built by `confluentDriver`. */
export class ConfluentProducer implements KafkaProducer {
  readonly #transactional: boolean
  readonly #credentials: Credentials
  readonly #clock: Clock
  readonly #timing: Timing
  readonly #journal: Journal = new Journal()
  readonly #client: RdProducer
  /** A list with places and not a set, which would keep answered ones alive while it grows and shrinks. */
  readonly #outstanding: Sending[] = []
  /** Records that found the client's queue full, in the order of their `send`. */
  #waiting: Sending[] = []
  #emptied: Deferred<void> | null = null
  #connecting: Promise<void> | null = null
  #connected = false
  #left = false
  #closing: Promise<void> | null = null
  readonly #running: Running = new Running()

  constructor(
    kafka: RdKafka,
    properties: ClientProperties,
    options: ProducerOptions | TransactionalOptions,
    clock: Clock,
    timing: Timing,
  ) {
    this.#credentials = new Credentials(properties, clock)
    this.#clock = clock
    this.#timing = timing
    this.#transactional = 'transactionalId' in options
    const all =
      'transactionalId' in options
        ? transactionalProperties(this.#credentials.properties, options)
        : producerProperties(this.#credentials.properties, options)
    this.#client = construct('producer', () => new kafka.Producer(all))
    this.#client.on('event.log', (log) => this.#journal.note(log))
    // What goes wrong reaches the sender of each record with its report; these listeners keep the events harmless.
    this.#client.on('event.error', () => undefined)
    this.#client.on('error', () => undefined)
    this.#client.on('delivery-report', (error, report) => this.#delivered(error, report))
  }

  async connect(): Promise<void> {
    if (this.#connecting || this.#closing) throw wrongState('a producer connects once')
    this.#connecting = connect(this.#client, {
      properties: this.#credentials.properties,
      journal: this.#journal,
      clock: this.#clock,
      timeoutMs: this.#timing.connectMs,
    })
    await this.#connecting
    this.#connected = true
    // Only now: on a producer whose connection failed this call crashes the process.
    this.#client.setPollInBackground(true)
    this.#credentials.follow(this.#client)
  }

  send(record: ProducerRecord): Promise<ProducedAt> {
    if (!this.#open) return Promise.reject(wrongState(`producing to ${record.topic}`))
    const answer = new OneAnswer()
    this.#send({ record, answer, index: 0, place: -1, unplaced: 0 })
    return answer.promise
  }

  sendAll(records: readonly ProducerRecord[]): Promise<readonly (Error | null)[]> {
    if (records.length === 0) return Promise.resolve([])
    if (!this.#open) return Promise.resolve(records.map((record) => wrongState(`producing to ${record.topic}`)))
    const answer = new ManyAnswers(records.length)
    records.forEach((record, index) => this.#send({ record, answer, index, place: -1, unplaced: 0 }))
    return answer.promise
  }

  async flush(timeoutMs: number): Promise<void> {
    if (!this.#open || this.#idle) return
    this.#emptied ??= deferred()
    const hurried = this.#hurry(timeoutMs)
    await within(this.#clock, timeoutMs, this.#emptied.promise)
    await hurried
  }

  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    if (!this.#open) throw wrongState('describing topics')
    return this.#running.track(describeTopics(this.#client, topics, this.#timing.requestMs))
  }

  /** A call about a transaction. */
  async transaction(what: string, run: (client: RdProducer, done: RdDone) => void): Promise<void> {
    if (!this.#open) throw wrongState(what)
    await this.#running.track(
      new Promise<void>((resolve, reject) =>
        run(this.#client, (error) => {
          if (error) reject(transactionError(error, what))
          else resolve()
        }),
      ),
    )
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  get #open(): boolean {
    return this.#connected && !this.#left
  }

  get #idle(): boolean {
    return this.#outstanding.length === 0 && this.#waiting.length === 0
  }

  #send(sending: Sending): void {
    if (this.#waiting.length > 0 || !this.#produce(sending)) this.#waiting.push(sending)
  }

  /** False where the client's queue is full; a refused record has its answer then. */
  #produce(sending: Sending): boolean {
    const { record } = sending
    try {
      this.#client.produce(
        record.topic,
        record.partition ?? null,
        record.value,
        record.key,
        record.timestamp ?? null,
        sending,
        toRdHeaders(record),
      )
      sending.place = this.#outstanding.push(sending) - 1
    } catch (error) {
      const failure = fromClient(error as Error, `producing to ${record.topic}`)
      // With nothing outstanding no report would ever wake a waiting record: then "full" is the record's own size.
      if (failure.errno === CODE.queueFull && this.#outstanding.length > 0) return false
      sending.answer.refused(sending.index, failure)
      this.#announceIdle()
    }
    return true
  }

  #delivered(error: RdError | null, report: RdReport): void {
    const sending = report.opaque as Sending
    this.#remove(sending)
    if (error) sending.answer.refused(sending.index, fromClient(error, `producing to ${sending.record.topic}`))
    else if (report.offset >= 0) sending.answer.placed(sending.index, report)
    else this.#unplaced(sending)
    if (this.#waiting.length > 0) this.#refill()
    this.#announceIdle()
  }

  /**
   * Delivered, says the client, but at no offset: the broker called its sequence number a duplicate. That is so for a
   * record that is in the log already, and also for one that never was: the first batch to a partition whose leader was
   * not ready yet is tried again after its successors, which the broker took as the beginning (measured on Apache Kafka
   * 4.3 with topics that were just created). Twice is better than not at all, so the record is sent anew; a
   * transaction is aborted and repeated instead.
   */
  #unplaced(sending: Sending): void {
    sending.unplaced += 1
    if (sending.unplaced <= MOST_UNPLACED && !this.#transactional) this.#send(sending)
    else {
      const where = `producing to ${sending.record.topic}: the broker named no offset, ${sending.unplaced} times`
      sending.answer.refused(sending.index, driverError(CODE.timedOut, where))
    }
  }

  #remove(sending: Sending): void {
    const last = this.#outstanding.pop()
    if (last === undefined || last === sending) return
    this.#outstanding[sending.place] = last
    last.place = sending.place
  }

  #refill(): void {
    let sent = 0
    for (const sending of this.#waiting) {
      if (!this.#produce(sending)) break
      sent += 1
    }
    if (sent > 0) this.#waiting = this.#waiting.slice(sent)
  }

  #announceIdle(): void {
    if (!this.#idle || !this.#emptied) return
    this.#emptied.resolve()
    this.#emptied = null
  }

  /** Makes the client send at once what lingers. Its error says only that time was up. */
  #hurry(timeoutMs: number): Promise<void> {
    return this.#running.track(new Promise((resolve) => this.#client.flush(timeoutMs, () => resolve())))
  }

  async #shutDown(): Promise<void> {
    if (!this.#connecting) return
    const connected = await this.#connecting.then(
      () => true,
      () => false,
    )
    if (!connected) return
    await this.flush(LAST_FLUSH_MS)
    this.#left = true
    this.#credentials.stop()
    await this.#running.ended()
    await new Promise<void>((resolve) => this.#client.disconnect(NO_MORE_FLUSH_MS, resolve))
    for (const sending of [...this.#outstanding, ...this.#waiting]) {
      const closed = driverError(CODE.state, `producing to ${sending.record.topic}: the producer was closed`)
      sending.answer.refused(sending.index, closed)
    }
    this.#outstanding.length = 0
    this.#waiting = []
  }
}
