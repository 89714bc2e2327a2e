import type { ConsumerEvents, ConsumerOptions, DriverError, RebalanceListener } from '../../flow/source/index.ts'
import { type Deferred, deferred, sleep } from '../../lib/index.ts'
import { partitionKey, type TopicPartition } from '../../model/index.ts'
import type { Cluster } from './cluster.ts'
import type { Coordinator, JoinAnswer } from './coordinator.ts'
import { driverError } from './errors.ts'
import type { Fetcher } from './fetcher.ts'
import type { Link } from './link.ts'

/** Wait before a join is tried again, milliseconds. */
const REJOIN_MS = 100

/**
 * The client's side of the group protocol, as the real client does it: heartbeats on its own time, one rebalance call to
 * the listener at a time, partitions are given up before the group is answered, and everything is lost where the group no
 * longer knows the member. Calls to the listener are made only while somebody polls.
 */
export class Membership {
  readonly #cluster: Cluster
  readonly #link: Link
  readonly #client: string
  readonly #options: ConsumerOptions
  readonly #fetcher: Fetcher
  readonly #listener: RebalanceListener
  readonly #events: ConsumerEvents
  readonly #group: Coordinator
  #member: string | null = null
  #generation = -1
  #joining = false
  #rejoin = false
  #lost = false
  #ended = false
  #heardAt = 0
  #polledAt = 0
  #polls = 0
  /** Since when the listener has been busy with giving partitions up; null where it is not. */
  #revokingSince: number | null = null
  #change: Deferred<void> = deferred()

  constructor(of: {
    cluster: Cluster
    link: Link
    client: string
    options: ConsumerOptions
    fetcher: Fetcher
    listener: RebalanceListener
    events: ConsumerEvents
  }) {
    this.#cluster = of.cluster
    this.#link = of.link
    this.#client = of.client
    this.#options = of.options
    this.#fetcher = of.fetcher
    this.#listener = of.listener
    this.#events = of.events
    this.#group = of.cluster.group(of.options.groupId)
  }

  /** What a commit is signed with: always the member and generation that we know of at this moment. */
  get signature(): { readonly member: string; readonly generation: number } {
    return { member: this.#member ?? '', generation: this.#generation }
  }

  start(): void {
    this.#polledAt = this.#link.clock.monotonic()
    void this.#live()
    void this.#beat()
  }

  /** The client polls; until `pollEnded` it serves what the group asks. */
  pollBegan(): void {
    this.#polls += 1
    this.#polledAt = this.#link.clock.monotonic()
    this.#changed()
  }

  pollEnded(): void {
    this.#polls -= 1
    this.#polledAt = this.#link.clock.monotonic()
  }

  /** Leaves the group. A static member only goes: the group waits for it until its session times out. */
  async end(): Promise<void> {
    this.#ended = true
    this.#changed()
    const member = this.#member
    if (member === null || this.#options.groupInstanceId !== undefined) return
    await this.#link.request(() => this.#group.remove(member, 'left')).catch(() => undefined)
  }

  #changed(): void {
    this.#change.resolve()
    this.#change = deferred()
  }

  async #live(): Promise<void> {
    while (!this.#ended) {
      const answer = await this.#join()
      if (this.#ended) return
      if (answer === null) continue
      const gaveUp = await this.#apply(answer.assignment)
      while (!gaveUp && !this.#ended && !this.#lost && !this.#rejoin) await this.#change.promise
      if (this.#lost) await this.#loseAll()
    }
  }

  async #join(): Promise<JoinAnswer | null> {
    this.#joining = true
    this.#rejoin = false
    try {
      const answer = await this.#link.request(() =>
        this.#group.join({
          client: this.#client,
          member: this.#member,
          instance: this.#options.groupInstanceId,
          topics: this.#cluster.matching(this.#options.topics),
          owned: this.#fetcher.owned,
          sessionTimeoutMs: this.#options.sessionTimeoutMs,
          rebalanceTimeoutMs: this.#options.maxPollIntervalMs,
        }),
      )
      this.#member = answer.member
      this.#generation = answer.generation
      this.#heardAt = this.#link.clock.monotonic()
      return answer
    } catch (error) {
      if (this.#forgotten(error)) await this.#loseAll()
      if (!this.#ended) await sleep(this.#link.clock, REJOIN_MS)
      if (this.#tooLongSilent()) await this.#loseAll()
      return null
    } finally {
      this.#joining = false
    }
  }

  /** Answers true where partitions were given up, so that the group has to be joined again. */
  async #apply(assignment: readonly TopicPartition[]): Promise<boolean> {
    const wanted = new Set(assignment.map((at) => partitionKey(at)))
    const surplus = this.#fetcher.owned.filter((at) => !wanted.has(partitionKey(at)))
    const added = assignment.filter((at) => !this.#fetcher.owns(at))
    if (surplus.length > 0) await this.#revoke(surplus, false)
    if (added.length > 0 && !this.#ended && !this.#lost) await this.#take(added)
    return surplus.length > 0
  }

  async #take(added: readonly TopicPartition[]): Promise<void> {
    await this.#served()
    if (this.#ended) return
    this.#fetcher.freeze()
    const starts = await this.#listener.assigned(added)
    this.#fetcher.thaw()
    if (this.#ended) return
    const answered = new Set(starts.map((start) => partitionKey(start)))
    if (starts.length !== added.length || added.some((at) => !answered.has(partitionKey(at)))) {
      this.#misuse(`assigned() answered ${starts.length} positions for ${added.length} partitions`)
    }
    for (const start of starts) {
      const at = { topic: start.topic, partition: start.partition }
      const position = this.#fetcher.take(start)
      const committed = this.#group.committed(at)?.offset ?? null
      this.#cluster.history.add({ type: 'owned', client: this.#client, at, start: position, committed })
    }
    this.#cluster.wake()
  }

  async #revoke(partitions: readonly TopicPartition[], lost: boolean): Promise<void> {
    await this.#served()
    if (this.#ended) return
    this.#fetcher.freeze()
    const isLost = lost || this.#lost
    this.#cluster.history.add({ type: 'revoking', client: this.#client, partitions, lost: isLost })
    this.#revokingSince = this.#link.clock.monotonic()
    await this.#listener.revoked(partitions, { lost: isLost })
    this.#revokingSince = null
    this.#fetcher.thaw()
    for (const at of partitions) {
      this.#fetcher.give(at)
      this.#cluster.history.add({ type: 'released', client: this.#client, at, lost: isLost || this.#lost })
    }
  }

  async #loseAll(): Promise<void> {
    this.#member = null
    this.#generation = -1
    this.#lost = true
    const all = this.#fetcher.owned
    if (all.length > 0 && !this.#ended) await this.#revoke(all, true)
    this.#lost = false
  }

  /** Resolves as soon as somebody polls. */
  async #served(): Promise<void> {
    while (this.#polls === 0 && !this.#ended) await this.#change.promise
  }

  async #beat(): Promise<void> {
    for (;;) {
      await sleep(this.#link.clock, this.#options.heartbeatIntervalMs)
      if (this.#ended) return
      this.#checkPolls()
      const member = this.#member
      if (member === null || this.#joining || this.#lost) continue
      const generation = this.#generation
      const answer = await this.#link
        .request(() => this.#group.heartbeat(member, generation), { timeoutMs: this.#options.heartbeatIntervalMs })
        .catch((error: DriverError) => error)
      // An answer to what we were before the last join says nothing about what we are now.
      if (this.#member !== member || this.#generation !== generation || this.#joining) continue
      if (answer === 'ok' || answer === 'rebalance') this.#heardAt = this.#link.clock.monotonic()
      if (answer === 'rebalance') this.#rejoin = true
      if (this.#forgotten(answer) || this.#tooLongSilent()) this.#lost = true
      this.#changed()
    }
  }

  #tooLongSilent(): boolean {
    return this.#member !== null && this.#link.clock.monotonic() - this.#heardAt > this.#options.sessionTimeoutMs
  }

  /** True where the group does not know us any more. A fenced static member is at its end. */
  #forgotten(answer: unknown): boolean {
    const code = answer instanceof Error ? (answer as DriverError).code : ''
    if (code === 'ERR_FENCED_INSTANCE_ID') {
      this.#ended = true
      this.#events.error(driverError(code, 'another member joined under the same static name', true))
    }
    return code === 'ERR_UNKNOWN_MEMBER_ID' || code === 'ERR_ILLEGAL_GENERATION' || code === 'ERR_FENCED_INSTANCE_ID'
  }

  /** Who does not poll, or does not give up what it was asked for, within the poll interval is out of the group. */
  #checkPolls(): void {
    const now = this.#link.clock.monotonic()
    const silentSince = this.#polls > 0 ? now : this.#polledAt
    const late = now - Math.min(silentSince, this.#revokingSince ?? now) > this.#options.maxPollIntervalMs
    const member = this.#member
    if (!late || member === null) return
    this.#member = null
    this.#lost = true
    this.#group.remove(member, 'thrown-out')
    this.#events.error(
      driverError('ERR__MAX_POLL_EXCEEDED', 'max.poll.interval.ms is over: polls or a drain took longer'),
    )
    this.#changed()
  }

  #misuse(what: string): void {
    this.#cluster.history.add({ type: 'misuse', client: this.#client, what })
  }
}
