import type { Clock } from '../../../../lib/index.ts'
import { partitionKey, type RawMessage, type TopicPartition } from '../../../../model/index.ts'
import {
  type ClientProperties,
  type CommitAnswer,
  type CommitRequest,
  type CommittedPosition,
  type ConsumerEvents,
  type ConsumerOptions,
  type DriverError,
  type KafkaConsumer,
  type RebalanceListener,
  type StartPosition,
  type Watermarks,
} from '../driver.ts'
import { Asking } from './asking.ts'
import type { RdConsumer, RdKafka } from './client-types.ts'
import { Commits } from './commits.ts'
import { Complaints } from './complaints.ts'
import { connect, construct } from './connect.ts'
import { Credentials } from './credentials.ts'
import { CODE, driverError, wrongState } from './errors.ts'
import { PollGate } from './gate.ts'
import { Journal } from './journal.ts'
import { Nudge } from './nudge.ts'
import { type SendOffsets, sendWhileOurs } from './offsets-for.ts'
import { Rebalancer, toPosition } from './rebalance.ts'
import { toRawMessage } from './records.ts'
import { Reseat } from './reseat.ts'
import { Running } from './running.ts'
import { CONSUMER_TOPIC_PROPERTIES, consumerProperties } from './settings.ts'
import { clientState, type Stats } from './stats.ts'
import type { Timing } from './timing.ts'
import { PositionWatch } from './watch.ts'
import { within } from './within.ts'

/** The consumer of the real client. Built by `confluentDriver`. */
export class ConfluentConsumer implements KafkaConsumer {
  readonly #options: ConsumerOptions
  readonly #credentials: Credentials
  readonly #clock: Clock
  readonly #timing: Timing
  readonly #journal: Journal = new Journal()
  readonly #watch: PositionWatch = new PositionWatch()
  readonly #gate: PollGate = new PollGate()
  readonly #client: RdConsumer
  readonly #commits: Commits
  /** Keys of what is paused; of partitions that are not taken yet, of what will be. */
  readonly #paused = new Set<string>()
  readonly #running: Running = new Running()
  readonly #nudge: Nudge
  readonly #asking: Asking
  readonly #complaints: Complaints
  #rebalancer: Rebalancer | null = null
  #reseat: Reseat | null = null
  #events: ConsumerEvents | null = null
  #connecting: Promise<void> | null = null
  #connected = false
  /** From then on the native client is being destroyed: nothing may touch it. */
  #left = false
  #closing: Promise<void> | null = null

  constructor(kafka: RdKafka, properties: ClientProperties, options: ConsumerOptions, clock: Clock, timing: Timing) {
    this.#options = options
    this.#credentials = new Credentials(properties, clock)
    this.#clock = clock
    this.#timing = timing
    const conf = {
      ...consumerProperties(this.#credentials.properties, options),
      rebalance_cb: (...event: Parameters<Rebalancer['onEvent']>) => this.#rebalancer?.onEvent(...event),
    }
    this.#client = construct('consumer', () => new kafka.KafkaConsumer(conf, CONSUMER_TOPIC_PROPERTIES))
    this.#client.setDefaultIsTimeoutOnlyForFirstMessage(true)
    this.#nudge = new Nudge(this.#client, this.#running)
    this.#asking = new Asking(this.#client, this.#running, timing.requestMs)
    this.#complaints = new Complaints({
      groupId: options.groupId,
      journal: this.#journal,
      tell: (error) => this.#events?.error(error),
    })
    this.#commits = new Commits(this.#client, clock, timing.commitMs)
  }

  async connect(listener: RebalanceListener, events: ConsumerEvents): Promise<void> {
    if (this.#connecting || this.#closing) throw wrongState('a consumer connects once')
    this.#events = events
    this.#rebalancer = new Rebalancer({
      client: this.#client,
      listener: {
        assigned: (partitions) => listener.assigned(partitions),
        revoked: async (partitions, how) => {
          await listener.revoked(partitions, how)
          for (const at of partitions) this.#forget(at)
        },
      },
      resolve: (starts) => Promise.all(starts.map((start) => this.#numbered(start))),
      taken: (partitions) => {
        const paused = partitions.filter((at) => this.#paused.has(partitionKey(at)))
        if (paused.length > 0) this.#client.pause(paused)
      },
      failed: (error) => this.#complaints.report(error),
    })
    this.#reseat = new Reseat(this.#client, this.#rebalancer)
    this.#listen()
    this.#connecting = connect(this.#client, {
      properties: this.#credentials.properties,
      journal: this.#journal,
      clock: this.#clock,
      timeoutMs: this.#timing.connectMs,
    })
    await this.#connecting
    this.#connected = true
    this.#credentials.follow(this.#client)
    this.#client.subscribe(this.#options.topics)
  }

  async poll(max: number, waitMs: number): Promise<readonly RawMessage[]> {
    this.#mustBeOpen('polling')
    return this.#gate.poll(() => this.#consume(max, waitMs))
  }

  pause(partitions: readonly TopicPartition[]): void {
    const { held, owned } = this.#held(partitions, 'pausing')
    for (const at of held) this.#paused.add(partitionKey(at))
    if (owned.length > 0) this.#client.pause(owned)
  }

  resume(partitions: readonly TopicPartition[]): void {
    const { held, owned } = this.#held(partitions, 'resuming')
    for (const at of held) this.#paused.delete(partitionKey(at))
    if (owned.length === 0) return
    this.#client.resume(owned)
    this.#nudge.resumed(owned)
  }

  async seek(at: StartPosition): Promise<void> {
    this.#mustBeOpen('seeking')
    await this.#running.track(this.#seek(at))
  }

  commit(requests: readonly CommitRequest[]): Promise<readonly CommitAnswer[]> {
    if (!this.#open) return Promise.reject(wrongState('committing'))
    if (requests.length === 0) return Promise.resolve([])
    return this.#commitHeld(requests)
  }

  async committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[]> {
    this.#mustBeOpen('reading committed offsets')
    return partitions.length === 0 ? [] : await this.#asking.committed(partitions)
  }

  async watermarks(at: TopicPartition): Promise<Watermarks> {
    this.#mustBeOpen('reading watermarks')
    return this.#asking.watermarks(at)
  }

  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    this.#mustBeOpen('describing topics')
    return this.#asking.describe(topics)
  }

  /** Hands offsets to a transaction, as long as their partitions are ours. */
  async offsetsFor(requests: readonly CommitRequest[], send: SendOffsets): Promise<void> {
    this.#mustBeOpen('handing offsets to a transaction')
    await this.#running.track(sendWhileOurs(requests, send, this.#client, (at) => this.#rebalancer?.holds(at) === true))
  }

  close(): Promise<void> {
    this.#complaints.silence()
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  get #open(): boolean {
    return this.#connected && !this.#left
  }

  #mustBeOpen(what: string): void {
    if (!this.#open) throw wrongState(`${what} with a consumer that is ${this.#left ? 'closed' : 'not connected'}`)
  }

  /** Those that are ours, and of these the ones that the client reads already; all others are ignored. */
  #held(
    partitions: readonly TopicPartition[],
    what: string,
  ): { readonly held: readonly TopicPartition[]; readonly owned: readonly TopicPartition[] } {
    this.#mustBeOpen(what)
    const held = partitions.filter((at) => this.#rebalancer?.holds(at))
    return { held, owned: held.filter((at) => this.#rebalancer?.owns(at)) }
  }

  /** The group lets any member commit any partition: what is not ours (any more) is refused here. */
  async #commitHeld(requests: readonly CommitRequest[]): Promise<readonly CommitAnswer[]> {
    const held = requests.filter((request) => this.#rebalancer?.holds(request))
    const answers = held.length > 0 ? await this.#commits.commit(held) : []
    const byKey = new Map(answers.map((answer) => [partitionKey(answer), answer]))
    return requests.map((request) => {
      const { topic, partition, offset } = request
      const refused = (): DriverError =>
        driverError(
          CODE.assignmentLost,
          `committing ${partitionKey(request)} at ${offset}, which is not assigned to us`,
        )
      return byKey.get(partitionKey(request)) ?? { topic, partition, offset, error: refused() }
    })
  }

  #forget(at: TopicPartition): void {
    this.#paused.delete(partitionKey(at))
    this.#watch.forget(at)
  }

  #listen(): void {
    const client = this.#client
    client.on('event.log', (log) => this.#complaints.log(log))
    const onError = (error: { message: string; code: number }): void => {
      if (this.#connected) this.#complaints.error(error)
    }
    client.on('event.error', onError)
    client.on('error', onError)
    client.on('event.stats', ({ message }) => {
      if (!this.#open || !this.#rebalancer) return
      const stats = JSON.parse(message) as Stats
      const owned = this.#rebalancer.owned()
      this.#events?.seen?.(clientState(stats, owned))
      for (const at of this.#watch.read(stats, owned)) this.#events?.outOfRange(at)
    })
  }

  #consume(max: number, waitMs: number): Promise<readonly RawMessage[]> {
    if (!this.#open) return Promise.resolve([])
    return this.#running.track(
      new Promise((resolve) => {
        this.#client.setDefaultConsumeTimeout(waitMs)
        this.#client.consume(max, (error, records) => {
          if (error) this.#onConsumeError(error)
          resolve(error ? [] : records.map(toRawMessage))
        })
      }),
    )
  }

  #onConsumeError(error: { message: string; code: number }): void {
    // Which partition it is about, the statistics will tell (PositionWatch).
    if (error.code === CODE.autoOffsetReset) return
    if (error.code === CODE.maxPollExceeded) this.#rebalancer?.evicted()
    this.#complaints.error(error)
  }

  #numbered(start: StartPosition): Promise<StartPosition> {
    return this.#open ? this.#asking.numbered(start) : Promise.resolve(start)
  }

  async #seek(at: StartPosition): Promise<void> {
    const position = toPosition(await this.#numbered(at))
    const rebalancer = this.#rebalancer
    const reseat = this.#reseat
    if (!rebalancer || !reseat) return
    await this.#gate.between(async () => {
      if (!this.#open || !rebalancer.owns(at)) return
      await reseat.seek(position, this.#timing.requestMs)
      rebalancer.givenTo(at, position)
      this.#watch.forget(at)
      if (this.#paused.has(partitionKey(at))) this.#client.pause([at])
    })
  }

  async #shutDown(): Promise<void> {
    if (!this.#connecting) return
    // A connection under way is let finish; a failed one has been cleaned up by the client.
    const connected = await this.#connecting.then(
      () => true,
      () => false,
    )
    if (!connected) return
    this.#rebalancer?.beginClose()
    // A revocation under way may still drain and commit; the caller's poll loop serves its answers.
    await within(this.#clock, this.#timing.closeMs, this.#rebalancer?.settled() ?? Promise.resolve())
    this.#left = true
    this.#credentials.stop()
    this.#nudge.stop()
    this.#rebalancer?.disconnecting()
    await this.#running.ended()
    this.#commits.abandon()
    await within(this.#clock, this.#timing.closeMs, new Promise<void>((resolve) => this.#client.disconnect(resolve)))
  }
}
