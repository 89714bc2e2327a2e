import type {
  CommitAnswer,
  CommitRequest,
  CommittedPosition,
  ConsumerEvents,
  ConsumerOptions,
  KafkaConsumer,
  RebalanceListener,
  StartPosition,
  Watermarks,
} from '../../flow/source/index.ts'
import type { Timer } from '../../lib/index.ts'
import type { RawMessage, TopicPartition } from '../../model/index.ts'
import type { Cluster } from './cluster.ts'
import { driverError, type ModelErrorCode } from './errors.ts'
import { Fetcher } from './fetcher.ts'
import type { Fate, Link } from './link.ts'
import { Membership } from './membership.ts'
import type { Signature } from './transaction-log.ts'

/** A consumer of the model broker: the client's half of everything that `KafkaConsumer` promises. */
export class ModelConsumer implements KafkaConsumer {
  readonly #cluster: Cluster
  readonly #link: Link
  readonly #client: string
  readonly #options: ConsumerOptions
  readonly #requests: () => number
  #fetcher: Fetcher | null = null
  #membership: Membership | null = null
  #closed = false
  #polling = false
  #committing = false
  #wake: (() => void) | null = null

  constructor(of: {
    cluster: Cluster
    link: Link
    client: string
    options: ConsumerOptions
    /** Numbers the commits of all clients. */
    requests: () => number
  }) {
    this.#cluster = of.cluster
    this.#link = of.link
    this.#client = of.client
    this.#options = of.options
    this.#requests = of.requests
  }

  async connect(listener: RebalanceListener, events: ConsumerEvents): Promise<void> {
    await this.#link.request(() => undefined)
    const fetcher = new Fetcher({
      cluster: this.#cluster,
      link: this.#link,
      client: this.#client,
      outOfRange: (at) => this.#link.clock.timer(this.#link.latency(), () => !this.#closed && events.outOfRange(at)),
    })
    this.#fetcher = fetcher
    this.#membership = new Membership({
      cluster: this.#cluster,
      link: this.#link,
      client: this.#client,
      options: this.#options,
      fetcher,
      listener,
      events,
    })
    this.#membership.start()
  }

  async poll(max: number, waitMs: number): Promise<readonly RawMessage[]> {
    const fetcher = this.#fetcher
    const membership = this.#membership
    if (fetcher === null || membership === null || this.#closed) throw driverError('ERR__STATE', 'not connected')
    if (this.#polling) this.#misuse('poll() while another poll is under way')
    this.#polling = true
    membership.pollBegan()
    try {
      let picked = fetcher.pick(max)
      if (picked.length === 0) {
        await this.#somethingNew(waitMs)
        picked = fetcher.pick(max)
      }
      if (picked.length === 0 || this.#closed) return []
      await new Promise<void>((resolve) => this.#link.clock.timer(this.#link.latency(), resolve))
      return fetcher.arrive(picked)
    } finally {
      this.#polling = false
      membership.pollEnded()
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#fetcher?.pause(at, true)
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#fetcher?.pause(at, false)
    this.#wake?.()
  }

  async seek(at: StartPosition): Promise<void> {
    await this.#query(() => undefined)
    if (!this.#fetcher?.seek(at)) throw driverError('ERR__STATE', `seek of ${at.topic}:${at.partition}: not assigned`)
    this.#wake?.()
  }

  async commit(requests: readonly CommitRequest[]): Promise<readonly CommitAnswer[]> {
    const membership = this.#membership
    if (membership === null || this.#closed) throw driverError('ERR__STATE', 'the consumer is disconnected')
    if (this.#committing) this.#misuse('commit() while another commit is under way')
    this.#committing = true
    const { member, generation } = membership.signature
    const request = this.#requests()
    for (const at of requests) {
      this.#cluster.history.add({ type: 'commit-sent', client: this.#client, request, ...placed(at) })
    }
    const { faults } = this.#cluster
    const refusal = this.#link.chance(faults.commitRefused) ? 'ERR_COORDINATOR_LOAD_IN_PROGRESS' : null
    try {
      const answers = await this.#link.request(
        () => requests.map((at) => this.#decide(at, { member, generation, request, refusal })),
        { fate: this.#commitFate() },
      )
      for (const answer of answers) {
        const error = answer.error?.code ?? null
        this.#cluster.history.add({ type: 'commit-answered', client: this.#client, request, error })
      }
      return answers
    } finally {
      this.#committing = false
    }
  }

  /** Hands offsets to a transaction; rejects where a partition is not ours any more when they are there. */
  async offsetsFor(requests: readonly CommitRequest[], send: (by: Signature) => Promise<void>): Promise<void> {
    const membership = this.#membership
    if (membership === null || this.#closed) throw driverError('ERR__STATE', 'the consumer is disconnected')
    const { member, generation } = membership.signature
    await send({ group: this.#options.groupId, member, generation, request: this.#requests() })
    const after = membership.signature
    const ours = requests.every((at) => this.#fetcher?.owns(at))
    if (ours && after.member === member && after.generation === generation) return
    throw driverError('ERR__ASSIGNMENT_LOST', 'the group gave the partitions away meanwhile')
  }

  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[]> {
    const { groupId } = this.#options
    const group = this.#cluster.group(groupId)
    return this.#query(() =>
      partitions.map(({ topic, partition }) => {
        if (this.#cluster.transactions.isUndecided(groupId, { topic, partition }))
          throw driverError('ERR_UNSTABLE_OFFSET_COMMIT', `${topic}:${partition} is in a transaction that is open`)
        const stored = group.committed({ topic, partition })
        return { topic, partition, offset: stored?.offset ?? null, metadata: stored?.metadata ?? '' }
      }),
    )
  }

  watermarks(at: TopicPartition): Promise<Watermarks> {
    return this.#query(() => {
      const log = this.#cluster.log(at)
      if (log === undefined) throw driverError('ERR_UNKNOWN_TOPIC_OR_PART', `no partition ${at.topic}:${at.partition}`)
      return { low: log.low, high: log.high }
    })
  }

  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    return this.#query(() => new Map(topics.map((topic) => [topic, this.#cluster.logs(topic)?.length ?? null])))
  }

  async close(): Promise<void> {
    if (this.#closed || this.#link.dead) return
    this.#closed = true
    this.#wake?.()
    for (const at of this.#fetcher?.owned ?? []) {
      this.#fetcher?.give(at)
      this.#cluster.history.add({ type: 'released', client: this.#client, at, lost: false })
    }
    await this.#membership?.end()
  }

  #query<T>(serve: () => T): Promise<T> {
    if (this.#link.chance(this.#cluster.faults.queryFailed)) {
      return this.#link.request<T>(() => Promise.reject(driverError('ERR__TRANSPORT', 'the connection broke')))
    }
    return this.#link.request(serve)
  }

  #commitFate(): Fate {
    const { commitLost, commitAnswerLost } = this.#cluster.faults
    if (this.#link.chance(commitLost)) return 'request-lost'
    return this.#link.chance(commitAnswerLost) ? 'answer-lost' : 'served'
  }

  #decide(
    at: CommitRequest,
    by: { member: string; generation: number; request: number; refusal: ModelErrorCode | null },
  ): CommitAnswer {
    const group = this.#cluster.group(this.#options.groupId)
    const error = by.refusal ?? group.commit(by.member, by.generation, at, at).error
    this.#cluster.history.add({
      type: 'commit',
      client: this.#client,
      group: this.#options.groupId,
      member: by.member,
      generation: by.generation,
      request: by.request,
      ...placed(at),
      error,
    })
    return {
      topic: at.topic,
      partition: at.partition,
      offset: at.offset,
      error:
        error === null ? null : driverError(error, `commit of ${at.topic}:${at.partition} at ${at.offset} refused`),
    }
  }

  /** Waits for a change of any log or assignment, or until the time is up. */
  #somethingNew(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | null = null
      const wake = (): void => {
        if (this.#link.dead) return
        timer?.cancel()
        this.#cluster.offChange(wake)
        this.#wake = null
        resolve()
      }
      timer = this.#link.clock.timer(waitMs, wake)
      this.#wake = wake
      this.#cluster.onChange(wake)
    })
  }

  #misuse(what: string): void {
    this.#cluster.history.add({ type: 'misuse', client: this.#client, what })
  }
}

function placed(request: CommitRequest): { at: TopicPartition; offset: number; metadata: string } {
  const { topic, partition, offset, metadata } = request
  return { at: { topic, partition }, offset, metadata }
}
