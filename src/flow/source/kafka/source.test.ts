import { describe, expect, it } from 'vitest'
import { type Deferred, deferred, seededRandom } from '../../../lib/index.ts'
import {
  type Assignment,
  DrakkarError,
  type EventOf,
  type Hold,
  partitionKey,
  type RawMessage,
  type TopicPartition,
  type WorkerEvent,
} from '../../../model/index.ts'
import { type VirtualClock, virtualClock } from '../../../testing/index.ts'
import { decodeMetadata, encodeMetadata, type FinishedMap } from '../../ledger/index.ts'
import type { SourceListener } from '../source.ts'
import {
  type CommitAnswer,
  type CommitRequest,
  type CommittedPosition,
  type ConsumerEvents,
  type ConsumerOptions,
  DriverError,
  type KafkaConsumer,
  type KafkaDriver,
  type RebalanceListener,
  type StartPosition,
  type Watermarks,
} from './driver.ts'
import type { KafkaSourceOptions } from './options.ts'
import { KafkaSource } from './source.ts'

const p0: TopicPartition = { topic: 'jobs', partition: 0 }
const p1: TopicPartition = { topic: 'jobs', partition: 1 }
const delivered = { kind: 'delivered' } as const

function record(offset: number, at: TopicPartition = p0, size = 10): RawMessage {
  return { ...at, offset, key: null, value: Buffer.alloc(size), timestamp: null, headers: [] }
}

function records(from: number, to: number, at: TopicPartition = p0): RawMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => record(from + index, at))
}

function refusal(code: string, errno: number, more: { retriable?: boolean; fatal?: boolean } = {}): DriverError {
  return new DriverError(code, { code, errno, ...more })
}

/** A client whose group, logs and answers the test writes. */
class FakeConsumer implements KafkaConsumer {
  readonly clock: VirtualClock
  listener!: RebalanceListener
  events!: ConsumerEvents
  readonly commits: CommitRequest[][] = []
  readonly calls: string[] = []
  readonly polls: number[] = []
  readonly stored = new Map<string, CommittedPosition>()
  readonly marks = new Map<string, Watermarks>()
  topics = new Map<string, number>([['jobs', 2]])
  /** What the broker says; default: taken. */
  answer: (requests: readonly CommitRequest[]) => Promise<readonly CommitAnswer[]> = (requests) =>
    Promise.resolve(this.taken(requests))
  queryFails = false
  onPoll: () => void = () => undefined
  #queue: RawMessage[] = []
  #polling: { done: Deferred<readonly RawMessage[]>; max: number } | null = null
  committing = 0

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  taken(requests: readonly CommitRequest[]): CommitAnswer[] {
    for (const request of requests) this.stored.set(partitionKey(request), { ...request })
    return requests.map(({ topic, partition, offset }) => ({ topic, partition, offset, error: null }))
  }

  refused(requests: readonly CommitRequest[], error: DriverError): CommitAnswer[] {
    return requests.map(({ topic, partition, offset }) => ({ topic, partition, offset, error }))
  }

  /** The records come with the poll that is under way, or the next. */
  feed(some: readonly RawMessage[]): void {
    this.#queue.push(...some)
    if (this.#polling) this.#polling.done.resolve(this.#queue.splice(0, this.#polling.max))
    this.#polling = null
  }

  connect(listener: RebalanceListener, events: ConsumerEvents): Promise<void> {
    this.listener = listener
    this.events = events
    return Promise.resolve()
  }

  async poll(max: number, waitMs: number): Promise<readonly RawMessage[]> {
    this.polls.push(max)
    this.onPoll()
    if (this.#queue.length > 0) return this.#queue.splice(0, max)
    const done = deferred<readonly RawMessage[]>()
    this.#polling = { done, max }
    const timer = this.clock.timer(waitMs, () => {
      this.#polling = null
      done.resolve([])
    })
    const got = await done.promise
    timer.cancel()
    return got
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.calls.push(`pause ${partitionKey(at)}`)
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.calls.push(`resume ${partitionKey(at)}`)
  }

  seek(at: StartPosition): Promise<void> {
    this.calls.push(`seek ${partitionKey(at)} ${at.offset}`)
    return Promise.resolve()
  }

  async commit(requests: readonly CommitRequest[]): Promise<readonly CommitAnswer[]> {
    if (this.committing > 0) throw new Error('two commits at a time')
    this.committing += 1
    this.commits.push([...requests])
    try {
      return await this.answer(requests)
    } finally {
      this.committing -= 1
    }
  }

  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[]> {
    return Promise.resolve(
      partitions.map((at) => this.stored.get(partitionKey(at)) ?? { ...at, offset: null, metadata: '' }),
    )
  }

  watermarks(at: TopicPartition): Promise<Watermarks> {
    if (this.queryFails) return Promise.reject(refusal('ERR__TRANSPORT', -195, { retriable: true }))
    return Promise.resolve(this.marks.get(partitionKey(at)) ?? { low: 0, high: 1000 })
  }

  describe(topics: readonly string[]): Promise<ReadonlyMap<string, number | null>> {
    const asked = topics.length === 0 ? [...this.topics.keys()] : topics
    return Promise.resolve(new Map(asked.map((topic) => [topic, this.topics.get(topic) ?? null])))
  }

  close(): Promise<void> {
    this.calls.push('close')
    return Promise.resolve()
  }
}

/** A source, what it says, and what it is told. */
class World {
  readonly clock = virtualClock()
  readonly kafka = new FakeConsumer(this.clock)
  readonly announced: WorkerEvent[] = []
  readonly assigned: Assignment[] = []
  readonly messages: { assignment: Assignment; offset: number }[] = []
  readonly revocations: { assignments: readonly Assignment[]; lost: boolean; deadline: number }[] = []
  readonly failures: Error[] = []
  readonly holds: { hold: Hold; lifted: boolean }[] = []
  subscribed: readonly string[] = []
  /** What the pipelines do when partitions are given up. */
  drain: () => Promise<boolean> = () => Promise.resolve(true)
  /** What the pipelines do first with records. */
  whenTaken: () => void = () => undefined
  /** The pipelines end a message as soon as they get it. */
  immediate = false
  readonly source: KafkaSource

  constructor(options: Partial<KafkaSourceOptions> & { topics?: readonly string[] } = {}) {
    const consumer: ConsumerOptions = {
      groupId: 'workers',
      topics: options.topics ?? ['jobs'],
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 3000,
      maxPollIntervalMs: 300_000,
    }
    const { kafka } = this
    const driver: KafkaDriver = {
      consumer: (_, { topics }) => {
        this.subscribed = topics
        return kafka
      },
      producer: () => ({
        connect: () => Promise.resolve(),
        send: () => Promise.reject(new Error('not asked for')),
        flush: () => Promise.resolve(),
        describe: (topics) => kafka.describe(topics),
        close: () => Promise.resolve(),
      }),
    }
    this.source = new KafkaSource({
      driver,
      client: {},
      consumer,
      clock: this.clock,
      random: seededRandom(1),
      announce: (event) => this.announced.push(event),
      holds: {
        place: (_, hold) => {
          const placed = { hold, lifted: false }
          this.holds.push(placed)
          return () => {
            placed.lifted = true
          }
        },
      },
      ...options,
    })
  }

  readonly listener: SourceListener = {
    assigned: (assignments) => void this.assigned.push(...assignments),
    messages: (assignment, messages) => {
      this.whenTaken()
      for (const { offset } of messages) {
        this.messages.push({ assignment, offset })
        if (this.immediate) this.source.ended(assignment, offset, delivered)
      }
    },
    revoked: (assignments, how) => {
      this.revocations.push({ assignments, ...how })
      return this.drain()
    },
    failed: (error) => void this.failures.push(error),
  }

  get offsets(): number[] {
    return this.messages.map(({ offset }) => offset)
  }

  of<Type extends WorkerEvent['type']>(type: Type): EventOf<Type>[] {
    return this.announced.filter((event): event is EventOf<Type> => event.type === type)
  }

  /** The last assignment of the partition. */
  assignment(at: TopicPartition = p0): Assignment {
    const found = this.assigned.findLast((one) => partitionKey(one) === partitionKey(at))
    if (found === undefined) throw new Error(`${partitionKey(at)} was never assigned`)
    return found
  }

  stored(offset: number, map: FinishedMap | null = null, owner = 7, at: TopicPartition = p0): void {
    const { metadata } = encodeMetadata(at, owner, { offset, map })
    this.kafka.stored.set(partitionKey(at), { ...at, offset, metadata })
  }

  async start(...partitions: TopicPartition[]): Promise<readonly StartPosition[]> {
    await this.clock.runUntil(this.source.start(this.listener))
    const starts = partitions.length > 0 ? await this.clock.runUntil(this.kafka.listener.assigned(partitions)) : []
    await this.clock.run(0)
    return starts
  }

  async feed(...some: RawMessage[]): Promise<void> {
    this.kafka.feed(some)
    await this.clock.run(0)
  }

  async fetched(from: number, to: number, at: TopicPartition = p0): Promise<void> {
    await this.feed(...records(from, to, at))
  }

  end(from: number, to: number = from, at: TopicPartition = p0): void {
    for (let offset = from; offset <= to; offset += 1) this.source.ended(this.assignment(at), offset, delivered)
  }

  /** The last commit of the partition, with its map. */
  lastCommit(at: TopicPartition = p0): { offset: number; owner: number; map: FinishedMap | null } {
    const request = this.kafka.commits.flat().findLast((one) => partitionKey(one) === partitionKey(at))
    if (request === undefined) throw new Error('nothing was committed')
    const decoded = decodeMetadata(at, request.offset, request.metadata)
    if (!decoded.ok) throw new Error(decoded.reason)
    return { offset: request.offset, ...decoded.value }
  }
}

describe('an assignment', () => {
  it('claims its partitions with one commit before it hands on any message', async () => {
    const world = new World()
    world.stored(100, null, 7)
    world.stored(50, null, 3, p1)
    const claim = deferred<void>()
    world.kafka.answer = async (requests) => {
      await claim.promise
      return world.kafka.taken(requests)
    }
    const starts = await world.start(p0, p1)
    expect(starts.map(({ offset }) => offset)).toEqual([100, 50])
    await world.feed(...records(100, 102), ...records(50, 51, p1))
    expect(world.offsets).toEqual([])
    expect(world.kafka.commits).toHaveLength(1)
    expect(world.lastCommit(p0)).toEqual({ offset: 100, owner: 8, map: null })
    expect(world.lastCommit(p1)).toEqual({ offset: 50, owner: 4, map: null })
    claim.resolve()
    await world.clock.run(0)
    expect(world.offsets).toEqual([100, 101, 102, 50, 51])
    expect(world.assigned.map(({ owner }) => owner)).toEqual([8, 4])
    expect(world.kafka.calls.slice(-2)).toEqual(['resume jobs:0', 'resume jobs:1'])
  })

  it('repeats a claim that fails, while messages wait', async () => {
    const world = new World()
    world.stored(100)
    world.kafka.answer = () => Promise.reject(refusal('ERR__TIMED_OUT', -185, { retriable: true }))
    await world.start(p0)
    await world.fetched(100, 102)
    await world.clock.run(3000)
    expect(world.offsets).toEqual([])
    expect(world.kafka.commits.length).toBeGreaterThan(2)
    world.kafka.answer = (requests) => Promise.resolve(world.kafka.taken(requests))
    await world.clock.run(6000)
    expect(world.offsets).toEqual([100, 101, 102])
  })

  it('begins where the policy says when nothing was committed, and commits that', async () => {
    const world = new World({ autoOffsetReset: 'latest' })
    world.kafka.marks.set('jobs:0', { low: 20, high: 300 })
    const [start] = await world.start(p0)
    expect(start?.offset).toBe(300)
    expect(world.lastCommit().offset).toBe(300)
    expect(world.of('expired')).toEqual([])
  })

  it('begins at the first record where the log could not be asked, and claims that', async () => {
    const world = new World()
    world.kafka.queryFails = true
    const [start] = await world.start(p0)
    expect(start?.offset).toBe('earliest')
    expect(world.kafka.commits).toEqual([])
    await world.fetched(40, 42)
    world.kafka.queryFails = false
    await world.clock.run(1000)
    expect(world.lastCommit().offset).toBe(40)
    expect(world.offsets).toEqual([40, 41, 42])
  })

  it('does not run again what the map calls finished, and keeps the map in its claim', async () => {
    const world = new World()
    const map: FinishedMap = {
      horizon: 105,
      unfinished: [
        { from: 100, to: 101 },
        { from: 104, to: 104 },
      ],
    }
    world.stored(100, map)
    await world.start(p0)
    expect(world.lastCommit()).toEqual({ offset: 100, owner: 8, map })
    await world.fetched(100, 107)
    expect(world.offsets).toEqual([100, 101, 104, 106, 107])
    expect(world.of('already_done').map(({ offset }) => offset)).toEqual([102, 103, 105])
    world.end(100)
    world.end(101)
    await world.clock.run(500)
    expect(world.lastCommit().offset).toBe(104)
  })

  it('ignores metadata of another offset, says so, and takes an owner counter above any that was seen', async () => {
    const world = new World()
    world.stored(100, { horizon: 102, unfinished: [{ from: 100, to: 100 }] })
    world.kafka.stored.set('jobs:0', { ...(world.kafka.stored.get('jobs:0') as CommittedPosition), offset: 99 })
    await world.start(p0)
    expect(world.of('metadata_ignored')).toHaveLength(1)
    await world.fetched(99, 103)
    expect(world.offsets).toEqual([99, 100, 101, 102, 103])
    expect(world.assignment().owner).toBe(world.clock.now())
  })

  it('voids the map when the first record is below the committed offset, and never commits below it', async () => {
    const world = new World()
    world.stored(100, { horizon: 103, unfinished: [{ from: 100, to: 100 }] })
    await world.start(p0)
    await world.fetched(98, 103)
    expect(world.offsets).toEqual([98, 99, 100, 101, 102, 103])
    world.end(98)
    await world.clock.run(2000)
    expect(world.kafka.commits.flat().every(({ offset }) => offset >= 100)).toBe(true)
    world.end(99)
    world.end(100)
    await world.clock.run(2000)
    expect(world.lastCommit().offset).toBe(101)
  })
})

describe('commits', () => {
  it('never pass an unfinished offset, with gaps; what is finished above is in the map of the same moment', async () => {
    const world = new World()
    world.stored(100)
    await world.start(p0)
    await world.feed(...[100, 103, 104, 109].map((offset) => record(offset)))
    world.end(104)
    world.end(109)
    world.end(100)
    await world.clock.run(500)
    const map = { horizon: 109, unfinished: [{ from: 103, to: 103 }] }
    expect(world.lastCommit()).toEqual({ offset: 103, owner: 8, map })
    world.end(103)
    await world.clock.run(500)
    expect(world.lastCommit()).toEqual({ offset: 110, owner: 8, map: null })
  })

  it('go out after so many ends or so much time, and not at all where nothing ended', async () => {
    const world = new World({ commitEvery: 3, commitAgeMs: 500 })
    world.stored(0)
    await world.start(p0, p1)
    await world.fetched(0, 9)
    await world.clock.run(60_000)
    expect(world.kafka.commits).toHaveLength(1) // the claim
    world.end(0, 2)
    await world.clock.run(0)
    expect(world.kafka.commits).toHaveLength(2)
    expect(world.kafka.commits[1]?.map(({ partition, offset }) => [partition, offset])).toEqual([[0, 3]])
    world.end(3)
    await world.clock.run(499)
    expect(world.kafka.commits).toHaveLength(2)
    await world.clock.run(1)
    expect(world.kafka.commits).toHaveLength(3)
  })

  it('are one at a time; what ends meanwhile goes with the next', async () => {
    const world = new World({ commitEvery: 1 })
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 9)
    const slow = deferred<void>()
    world.kafka.answer = async (requests) => {
      await slow.promise
      return world.kafka.taken(requests)
    }
    world.end(0, 5)
    await world.clock.run(5000)
    expect(world.kafka.commits).toHaveLength(2)
    slow.resolve()
    await world.clock.run(0)
    expect(world.kafka.commits.slice(1).map(([request]) => request?.offset)).toEqual([1, 6])
    expect(world.source.partitions()[0]?.committed).toBe(6)
  })

  it("count only with the broker's answer: a refused one is repeated with what ended meanwhile", async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 9)
    world.kafka.answer = (requests) =>
      Promise.resolve(world.kafka.refused(requests, refusal('ERR_REBALANCE_IN_PROGRESS', 27, { retriable: true })))
    world.end(0, 3)
    await world.clock.run(500)
    expect(world.source.partitions()[0]?.committed).toBe(0)
    expect(world.of('commit_failed')[0]).toMatchObject({ at: [p0], willRetry: true })
    await world.clock.run(2000)
    const { commitFailure } = world.source.partitions()[0] ?? {}
    expect(commitFailure?.error).toMatch(/ERR_REBALANCE_IN_PROGRESS/)
    expect(commitFailure?.forMs).toBeGreaterThanOrEqual(2000)
    world.end(4)
    world.kafka.answer = (requests) => Promise.resolve(world.kafka.taken(requests))
    await world.clock.run(5000)
    expect(world.source.partitions()[0]).toMatchObject({ committed: 5, commitFailure: null })
  })

  it('shows where the log ends, when records came last, and for how long no broker answers', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    expect(world.source.partitions()[0]).toMatchObject({ claimed: true, end: null, lastFetchMs: null })
    await world.fetched(0, 9)
    await world.clock.run(3000)
    world.kafka.events.seen?.({ connected: true, ends: [{ ...p0, end: 12 }] })
    expect(world.source.partitions()[0]).toMatchObject({ end: 12, lastFetchMs: 3000 })
    // What is left there are marks of transactions.
    world.kafka.events.seen?.({ connected: true, ends: [{ ...p0, end: 12, handedOn: true }] })
    expect(world.source.partitions()[0]).toMatchObject({ end: 10 })
    expect(world.source.brokersAwayMs()).toBeNull()
    world.kafka.events.seen?.({ connected: false, ends: [] })
    await world.clock.run(4000)
    world.kafka.events.seen?.({ connected: false, ends: [] })
    expect(world.source.brokersAwayMs()).toBe(4000)
    world.kafka.events.seen?.({ connected: true, ends: [] })
    expect(world.source.brokersAwayMs()).toBeNull()
  })

  it('wait for the call about lost partitions where the group does not know us, and go on where it does not come', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 9)
    world.kafka.answer = (requests) =>
      Promise.resolve(world.kafka.refused(requests, refusal('ERR_ILLEGAL_GENERATION', 22)))
    world.end(0, 3)
    await world.clock.run(1400)
    expect(world.kafka.commits).toHaveLength(2)
    world.kafka.answer = (requests) => Promise.resolve(world.kafka.taken(requests))
    await world.clock.run(200)
    expect(world.source.partitions()[0]?.committed).toBe(4)
  })

  it.each(['refuses', 'does not answer'] as const)(
    'that the broker %s for two seconds stop the intake, so that little runs again; one that is taken restarts it',
    async (how) => {
      const world = new World()
      world.stored(0)
      await world.start(p0)
      await world.fetched(0, 9)
      const silence: (() => void)[] = []
      world.kafka.answer = (requests) =>
        how === 'refuses'
          ? Promise.resolve(world.kafka.refused(requests, refusal('ERR_COORDINATOR_NOT_AVAILABLE', 15)))
          : new Promise((resolve) => silence.push(() => resolve(world.kafka.taken(requests))))
      world.end(0)
      await world.clock.run(1900)
      expect(world.source.partitions()[0]?.paused).toEqual([])
      await world.clock.run(5000)
      expect(world.source.partitions()[0]?.paused).toEqual(['commits'])
      world.end(1, 9)
      world.kafka.answer = (requests) => Promise.resolve(world.kafka.taken(requests))
      for (const answer of silence) answer()
      await world.clock.run(10_000)
      expect(world.lastCommit().offset).toBe(10)
      expect(world.source.partitions()[0]?.paused).toEqual([])
    },
  )

  it('shorten the map where the broker takes less', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 400)
    world.kafka.answer = (requests) =>
      Promise.resolve(
        (requests[0]?.metadata.length ?? 0) > 90
          ? world.kafka.refused(requests, refusal('ERR_OFFSET_METADATA_TOO_LARGE', 12))
          : world.kafka.taken(requests),
      )
    for (let offset = 1; offset < 400; offset += 2) world.end(offset)
    await world.clock.run(10_000)
    expect(world.source.partitions()[0]?.committed).toBe(0)
    const { map } = world.lastCommit()
    expect(map?.horizon).toBeGreaterThan(10)
    expect(map?.horizon).toBeLessThan(400)
  })

  it('tell the broker the leader epoch of the last offset that they cover', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.feed(...[0, 1, 2, 3].map((offset) => ({ ...record(offset), leaderEpoch: offset < 2 ? 5 : 6 })))
    world.end(0, 1)
    await world.clock.run(500)
    world.end(2)
    await world.clock.run(500)
    expect(world.kafka.commits.flat().map(({ leaderEpoch }) => leaderEpoch)).toEqual([undefined, 5, 6])
  })
})

describe('a revocation', () => {
  it("commits also where the last commit was a stranger's, and gives up after one refusal", async () => {
    for (const known of [true, false]) {
      const world = new World()
      world.stored(0)
      await world.start(p0)
      await world.fetched(0, 9)
      const stranger = refusal('ERR_ILLEGAL_GENERATION', 22)
      world.kafka.answer = (requests) => Promise.resolve(world.kafka.refused(requests, stranger))
      world.end(0, 3)
      await world.clock.run(600)
      if (known) world.kafka.answer = (requests) => Promise.resolve(world.kafka.taken(requests))
      await world.kafka.listener.revoked([p0], { lost: false })
      expect(world.kafka.commits).toHaveLength(3)
      expect(world.kafka.stored.get('jobs:0')?.offset).toBe(known ? 4 : 0)
    }
  })

  it('waits for the drain, commits what ended in it, and only then gives the partition up', async () => {
    const world = new World({ drainTimeoutMs: 15_000 })
    world.stored(0)
    await world.start(p0, p1)
    await world.fetched(0, 3)
    const drained = deferred<boolean>()
    world.drain = () => drained.promise
    let released = false
    const revoking = world.kafka.listener.revoked([p0], { lost: false }).then(() => {
      released = true
    })
    await world.clock.run(2000)
    expect(world.revocations[0]).toMatchObject({ lost: false, assignments: [world.assignment()] })
    expect((world.revocations[0]?.deadline ?? 0) - world.clock.monotonic()).toBe(13_000)
    await world.fetched(4, 5)
    expect(world.offsets).toEqual([0, 1, 2, 3])
    world.end(0, 2)
    const slow = deferred<void>()
    world.kafka.answer = async (requests) => {
      await slow.promise
      return world.kafka.taken(requests)
    }
    drained.resolve(true)
    await world.clock.run(1000)
    expect(released).toBe(false)
    slow.resolve()
    await revoking
    expect(world.kafka.stored.get('jobs:0')?.offset).toBe(3)
    expect(world.of('revoked')).toMatchObject([{ lost: false, drained: true, assignments: [{ partition: 0 }] }])
    // The other partition was not disturbed.
    await world.fetched(0, 1, p1)
    expect(world.offsets).toEqual([0, 1, 2, 3, 0, 1])
  })

  it('ends also when no commit is answered', async () => {
    const world = new World({ revokeCommitMs: 5000 })
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 3)
    world.end(0, 3)
    world.kafka.answer = () => new Promise(() => undefined)
    const begun = world.clock.monotonic()
    await world.clock.runUntil(world.kafka.listener.revoked([p0], { lost: false }))
    expect(world.clock.monotonic() - begun).toBe(5000)
  })

  it('of lost partitions commits nothing, whatever the pipelines still do, and drops what ends later', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 3)
    world.end(0, 1)
    const dropped = deferred<boolean>()
    world.drain = () => dropped.promise
    const losing = world.kafka.listener.revoked([p0], { lost: true })
    await world.clock.run(10_000)
    world.end(2)
    dropped.resolve(true)
    await losing
    expect(world.revocations[0]).toMatchObject({ lost: true, deadline: 0 })
    expect(world.kafka.commits).toHaveLength(1)
    expect(world.of('late_result')).toHaveLength(1)
    expect(world.of('revoked')).toMatchObject([{ lost: true }])
  })

  it('claims partitions that come back after a failed commit, although what had failed is gone', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 3)
    const answer = world.kafka.answer
    world.kafka.answer = () =>
      Promise.reject(new DriverError('no coordinator', { code: 'X', errno: 16, retriable: true }))
    world.end(0)
    await world.clock.run(500)
    await world.kafka.listener.revoked([p0], { lost: true })
    await world.clock.run(60_000)
    world.kafka.answer = answer
    await world.kafka.listener.assigned([p0])
    await world.clock.run(60_000)
    expect(world.source.partitions()[0]?.committed).toBe(0)
    await world.fetched(0, 3)
    expect(world.assignment().owner).toBe(9)
  })

  it('leaves nothing to the next assignment of the same partition: late ends of the old one are ignored', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 3)
    const old = world.assignment()
    await world.kafka.listener.revoked([p0], { lost: true })
    await world.kafka.listener.assigned([p0])
    await world.clock.run(200)
    await world.fetched(0, 3)
    expect(world.assignment().epoch).toBeGreaterThan(old.epoch)
    expect(world.assignment().owner).toBe(old.owner + 1)
    for (const offset of [0, 1, 2, 3]) world.source.ended(old, offset, delivered)
    await world.clock.run(2000)
    expect(world.kafka.stored.get('jobs:0')?.offset).toBe(0)
    expect(world.of('late_result')).toHaveLength(4)
  })

  it("does not take an answer to the old assignment's commit for the new one", async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 3)
    const slow = deferred<void>()
    world.kafka.answer = async (requests) => {
      await slow.promise
      return world.kafka.taken(requests)
    }
    world.end(0, 3)
    await world.clock.run(500)
    await world.kafka.listener.revoked([p0], { lost: true })
    await world.kafka.listener.assigned([p0])
    await world.clock.run(200)
    expect(world.source.partitions()).toMatchObject([{ position: 0, committed: null }])
    slow.resolve()
    await world.clock.run(0)
    expect(world.source.partitions()).toMatchObject([{ position: 0, committed: 0 }])
  })

  it('reads again what a poll brought from before it', async () => {
    const world = new World()
    world.stored(0)
    world.immediate = true
    await world.start(p0)
    await world.fetched(0, 3)
    await world.clock.run(500)
    // One poll is under way all the time.
    await world.kafka.listener.revoked([p0], { lost: false })
    await world.kafka.listener.assigned([p0])
    await world.fetched(8, 9)
    expect(world.offsets).toEqual([0, 1, 2, 3])
    expect(world.kafka.calls).toContain('seek jobs:0 4')
    await world.fetched(4, 9)
    expect(world.offsets).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})

describe('pauses', () => {
  it('add up: only the last reason lets it flow', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.clock.run(300)
    const assignment = world.assignment()
    world.source.pause(assignment, 'backpressure:bytes')
    world.source.pause(assignment, 'held:binary')
    world.source.pause(assignment, 'held:binary')
    world.source.resume(assignment, 'backpressure:bytes')
    expect(world.kafka.calls).toEqual(['pause jobs:0'])
    expect(world.source.partitions()[0]?.paused).toEqual(['held:binary'])
    await world.fetched(0, 1)
    expect(world.offsets).toEqual([])
    world.source.resume(assignment, 'held:binary')
    expect(world.kafka.calls.at(-1)).toBe('resume jobs:0')
    await world.clock.run(0)
    expect(world.offsets).toEqual([0, 1])
    expect(world.of('paused').map(({ reason }) => reason)).toEqual(['backpressure:bytes', 'held:binary'])
  })

  it('reach the client also when they come before it took the partition on, or were undone by it', async () => {
    const world = new World()
    world.stored(0)
    await world.start()
    const assigning = world.kafka.listener.assigned([p0])
    await assigning
    world.source.pause(world.assignment(), 'held:binary')
    expect(world.kafka.calls).toEqual([])
    await world.clock.run(300)
    expect(world.kafka.calls).toEqual(['pause jobs:0'])
    await world.fetched(0, 1)
    expect(world.kafka.calls).toEqual(['pause jobs:0', 'pause jobs:0'])
  })

  it('for want of room leave the client its fetched records, for as long as there may be room again soon', async () => {
    const world = new World()
    world.stored(0)
    world.stored(0, null, 7, p1)
    await world.start(p0, p1)
    await world.clock.run(300)
    world.source.pause(world.assignment(p0), 'backpressure:messages')
    world.source.pause(world.assignment(p1), 'backpressure:messages')
    // The poll that is under way may still bring something; then none is made while nothing takes.
    await world.feed(record(0), record(0, p1))
    await world.clock.run(0)
    const polls = world.kafka.polls.length
    world.kafka.feed(records(1, 3))
    await world.clock.run(300)
    expect(world.kafka.polls).toHaveLength(polls)
    expect(world.offsets).toEqual([])
    world.source.resume(world.assignment(p0), 'backpressure:messages')
    await world.clock.run(0)
    expect(world.offsets).toEqual([0])
    expect(world.kafka.calls).toEqual([])
    // One has been stopped for too long; the other flows.
    await world.clock.run(300)
    expect(world.kafka.calls).toEqual(['pause jobs:1'])
    expect(world.offsets).toEqual([0, 1, 2, 3])
    world.source.resume(world.assignment(p1), 'backpressure:messages')
    await world.clock.run(0)
    expect(world.kafka.calls).toEqual(['pause jobs:1', 'resume jobs:1'])
    expect(world.offsets).toEqual([0, 1, 2, 3, 0])
  })

  it('for want of room do not keep the answer to a commit waiting for long, which comes by a poll', async () => {
    const world = new World({ commitAgeMs: 50 })
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 1)
    await world.clock.run(300)
    world.kafka.answer = (requests) => {
      const answered = deferred<readonly CommitAnswer[]>()
      world.kafka.onPoll = () => answered.resolve(world.kafka.taken(requests))
      return answered.promise
    }
    world.source.pause(world.assignment(), 'backpressure:messages')
    await world.clock.run(120)
    const polls = world.kafka.polls.length
    world.end(0)
    await world.clock.run(300)
    expect(world.kafka.polls.length).toBeGreaterThan(polls)
    expect(world.source.partitions()[0]?.committed).toBe(1)
    expect(world.kafka.calls).toEqual([])
  })

  it('for want of room reach the client at once where much of the partition is kept', async () => {
    const world = new World({ maxPollRecords: 5000 })
    world.stored(0)
    await world.start(p0)
    await world.clock.run(300)
    // Small records: the next poll may bring many.
    await world.fetched(0, 9)
    world.source.pause(world.assignment(), 'backpressure:messages')
    await world.feed(record(10, p0, 1024 * 1024))
    expect(world.kafka.calls).toEqual(['pause jobs:0'])
    expect(world.offsets).toHaveLength(10)
  })

  it('keep the order of what came meanwhile', async () => {
    const world = new World()
    world.stored(0)
    world.stored(0, null, 7, p1)
    await world.start(p0, p1)
    await world.clock.run(300)
    world.source.pause(world.assignment(p0), 'backpressure:messages')
    await world.fetched(0, 1)
    await world.clock.run(600)
    // Taking in the other partition's record makes room in the middle of a poll's records.
    world.whenTaken = () => world.source.resume(world.assignment(p0), 'backpressure:messages')
    await world.feed(record(100, p1), ...records(2, 3))
    expect(world.offsets).toEqual([100, 0, 1, 2, 3])
    expect(world.failures).toEqual([])
  })

  it('drop what was kept where the partition is given up: it was not taken in, and nothing of it is committed', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.clock.run(300)
    await world.fetched(0, 1)
    world.source.pause(world.assignment(), 'backpressure:messages')
    await world.fetched(2, 3)
    world.end(0, 1)
    await world.clock.runUntil(world.kafka.listener.revoked([p0], { lost: false }))
    expect(world.offsets).toEqual([0, 1])
    expect(world.lastCommit()).toMatchObject({ offset: 2, map: null })
  })

  it('bound what is done above a slow message', async () => {
    const world = new World({ maxSpan: 10 })
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 20)
    world.end(1, 9)
    expect(world.source.partitions()[0]?.paused).toEqual([])
    world.end(10)
    expect(world.source.partitions()[0]?.paused).toEqual(['span'])
    world.end(0)
    expect(world.source.partitions()[0]?.paused).toEqual([])
  })

  it('bound the map of a commit at three quarters of its budget, until it is half full', async () => {
    const world = new World({ metadataBudget: 100 })
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 199)
    for (let offset = 1; offset < 110; offset += 2) world.end(offset)
    await world.clock.run(500)
    expect(world.source.partitions()[0]?.paused).toEqual(['metadata'])
    for (let offset = 0; offset < 60; offset += 2) world.end(offset)
    await world.clock.run(500)
    expect(world.source.partitions()[0]?.paused).toEqual([])
  })

  it('do not come from a map that was restored big: only intake can shrink it', async () => {
    const world = new World({ metadataBudget: 100 })
    const unfinished = Array.from({ length: 55 }, (_, index) => ({ from: index * 2, to: index * 2 }))
    world.stored(0, { horizon: 109, unfinished })
    world.immediate = true
    await world.start(p0)
    for (let from = 0; from < 120; from += 10) {
      await world.fetched(from, from + 9)
      await world.clock.run(1000)
      expect(world.source.partitions()[0]?.paused).toEqual([])
    }
    expect(world.lastCommit().offset).toBe(120)
  })
})

describe('a gap', () => {
  it('that retention made: says what is lost, seeks, and goes on; what was fetched before is finished first', async () => {
    const world = new World()
    world.stored(100)
    await world.start(p0)
    await world.fetched(100, 102)
    world.kafka.marks.set('jobs:0', { low: 500, high: 900 })
    world.kafka.events.outOfRange(p0)
    await world.clock.run(200)
    expect(world.kafka.calls).toEqual(['seek jobs:0 500'])
    expect(world.of('expired')).toMatchObject([{ from: 103, to: 500 }])
    await world.fetched(500, 501)
    world.end(100, 101)
    await world.clock.run(500)
    expect(world.lastCommit().offset).toBe(102)
    world.end(102)
    await world.clock.run(500)
    expect(world.lastCommit().offset).toBe(500)
  })

  it('that is found while fetched records wait for room loses none of them', async () => {
    const world = new World()
    world.stored(100)
    await world.start(p0)
    await world.fetched(100, 102)
    await world.clock.run(300)
    world.source.pause(world.assignment(), 'backpressure:messages')
    await world.fetched(103, 105)
    expect(world.offsets).toEqual([100, 101, 102])
    world.kafka.marks.set('jobs:0', { low: 500, high: 900 })
    world.kafka.events.outOfRange(p0)
    await world.clock.run(2000)
    expect(world.of('expired')).toMatchObject([{ from: 106, to: 500 }])
    world.source.resume(world.assignment(), 'backpressure:messages')
    await world.fetched(500, 501)
    expect(world.offsets).toEqual([100, 101, 102, 103, 104, 105, 500, 501])
    expect(world.failures).toEqual([])
  })

  it("found at the assignment: begins at the log's begin and keeps the map for what is left", async () => {
    const world = new World()
    world.stored(100, { horizon: 505, unfinished: [{ from: 100, to: 503 }] })
    world.kafka.marks.set('jobs:0', { low: 500, high: 900 })
    const [start] = await world.start(p0)
    expect(start?.offset).toBe(500)
    expect(world.of('expired')).toMatchObject([{ from: 100, to: 500 }])
    await world.fetched(500, 506)
    expect(world.offsets).toEqual([500, 501, 502, 503, 506])
  })

  it("of a recreated topic at the assignment: begins at the new log's begin without a map", async () => {
    const world = new World()
    world.stored(5000, { horizon: 5005, unfinished: [{ from: 5000, to: 5000 }] })
    world.kafka.marks.set('jobs:0', { low: 0, high: 20 })
    const [start] = await world.start(p0)
    expect(start?.offset).toBe(0)
    expect(world.of('expired')).toHaveLength(1)
    expect(world.lastCommit()).toEqual({ offset: 0, owner: 8, map: null })
  })

  it('is none where the end of the log only lags for a moment: nothing is run again', async () => {
    const world = new World()
    world.stored(100, { horizon: 105, unfinished: [{ from: 100, to: 101 }] })
    world.kafka.marks.set('jobs:0', { low: 0, high: 99 })
    world.clock.timer(700, () => world.kafka.marks.set('jobs:0', { low: 0, high: 900 }))
    const [start] = await world.start(p0)
    expect(start?.offset).toBe(100)
    expect(world.of('expired')).toEqual([])
    await world.fetched(100, 106)
    expect(world.offsets).toEqual([100, 101, 106])
  })

  it('of a topic that is recreated meanwhile: ends the assignment as lost and begins anew', async () => {
    const world = new World()
    world.stored(100)
    await world.start(p0)
    await world.fetched(100, 102)
    const old = world.assignment()
    world.kafka.marks.set('jobs:0', { low: 0, high: 20 })
    world.kafka.events.outOfRange(p0)
    await world.clock.run(200)
    expect(world.revocations).toMatchObject([{ lost: true, assignments: [old] }])
    expect(world.assignment()).toMatchObject({ owner: old.owner + 1 })
    expect(world.kafka.calls).toContain('seek jobs:0 0')
    await world.fetched(0, 2)
    world.end(0, 2)
    await world.clock.run(500)
    expect(world.lastCommit()).toEqual({ offset: 3, owner: old.owner + 1, map: null })
  })

  it('with the policy hold: holds with the reason, and goes on when the log has the offset again', async () => {
    const world = new World({ onOffsetGap: 'hold', gapRecheckMs: 5000 })
    world.stored(100)
    world.kafka.marks.set('jobs:0', { low: 500, high: 900 })
    const [start] = await world.start(p0)
    expect(start?.offset).toBe(100)
    await world.clock.run(1000)
    expect(world.holds).toMatchObject([{ hold: { reason: 'offset-gap' }, lifted: false }])
    expect(world.source.partitions()[0]?.paused).toEqual(['offset-gap'])
    expect(world.lastCommit().offset).toBe(100)
    world.kafka.marks.set('jobs:0', { low: 0, high: 900 })
    await world.clock.run(6000)
    expect(world.holds).toMatchObject([{ lifted: true }])
    expect(world.source.partitions()[0]?.paused).toEqual([])
    expect(world.kafka.calls).toContain('seek jobs:0 100')
  })

  it('that is held ends its hold when the partition goes', async () => {
    const world = new World({ onOffsetGap: 'hold' })
    world.stored(100)
    world.kafka.marks.set('jobs:0', { low: 500, high: 900 })
    await world.start(p0)
    await world.kafka.listener.revoked([p0], { lost: false })
    await world.clock.run(0)
    expect(world.holds).toMatchObject([{ lifted: true }])
  })
})

describe('intake', () => {
  it('asks for fewer records where they are big', async () => {
    const world = new World({ maxPollRecords: 500 })
    world.stored(0)
    await world.start(p0)
    await world.feed(record(0, p0, 4 * 1024 * 1024))
    await world.clock.run(100)
    expect(world.kafka.polls[0]).toBe(500)
    expect(world.kafka.polls.at(-1)).toBeLessThanOrEqual(4)
  })

  it('ends the source where the client brings a record that should have come before', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.feed(record(0), record(5), record(3))
    expect(world.failures).toMatchObject([{ code: 'CLIENT_FATAL' }])
  })

  it('goes on polling after a poll that failed, and says it once', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    const poll = world.kafka.poll.bind(world.kafka)
    world.kafka.poll = () => Promise.reject(refusal('ERR__TRANSPORT', -195))
    await world.clock.run(5000)
    world.kafka.poll = poll
    await world.clock.run(10_000)
    await world.fetched(0, 1)
    expect(world.offsets).toEqual([0, 1])
    expect(world.of('client_error')).toHaveLength(1)
  })
})

describe('the client', () => {
  it('that is fatally broken ends the source at once and once', async () => {
    const world = new World()
    await world.start(p0)
    const fatal = refusal('ERR__FATAL', -150, { fatal: true })
    world.kafka.events.error(fatal)
    world.kafka.events.error(fatal)
    expect(world.failures).toHaveLength(1)
    expect(world.failures[0]).toBeInstanceOf(DrakkarError)
    expect(world.failures[0]).toMatchObject({ code: 'CLIENT_FATAL', cause: fatal })
  })

  it('that may not read the group or a topic ends the source, unless everything has worked before', async () => {
    for (const [code, errno, flag] of [
      ['ERR_GROUP_AUTHORIZATION_FAILED', 30, '--group'],
      ['ERR_TOPIC_AUTHORIZATION_FAILED', 29, '--topic jobs'],
    ] as const) {
      const world = new World()
      await world.start()
      world.kafka.events.error(refusal(code, errno))
      expect(world.failures).toMatchObject([
        { code: 'NOT_AUTHORIZED', advice: expect.stringContaining(flag) as string },
      ])
      expect(world.source.denied()).toContain('kafka-acls --add')
    }
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.clock.run(1000)
    world.kafka.events.error(refusal('ERR_GROUP_AUTHORIZATION_FAILED', 30))
    expect([world.failures, world.source.denied()]).toEqual([[], expect.stringContaining('read the group')])
    await world.clock.runUntil(world.kafka.listener.assigned([p1]))
    expect(world.source.denied()).toBeNull()
  })

  it('whose credentials are refused while it runs is told of until a commit is taken', async () => {
    const world = new World()
    await world.start(p0)
    const { answer } = world.kafka
    const denied = refusal('ERR__AUTHENTICATION', -169)
    world.kafka.answer = (requests) => Promise.resolve(world.kafka.refused(requests, denied))
    world.kafka.events.error(denied)
    const commits = world.kafka.commits.length
    await world.clock.run(30_000)
    expect([world.failures, world.source.denied()]).toEqual([[], expect.stringContaining('Check user and password')])
    // Nothing has ended meanwhile: it finds out by itself when it is let in again.
    expect(world.kafka.commits.length).toBeGreaterThan(commits + 3)
    world.kafka.answer = answer
    await world.clock.run(10_000)
    expect(world.source.denied()).toBeNull()
    const after = world.kafka.commits.length
    await world.clock.run(60_000)
    expect(world.kafka.commits).toHaveLength(after)
  })

  it('that has no partition hears that it is let in again from the group, and from a broker that is connected', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.clock.run(1000)
    await world.clock.runUntil(world.kafka.listener.revoked([p0], { lost: false }))
    world.kafka.events.error(refusal('ERR_GROUP_AUTHORIZATION_FAILED', 30))
    world.kafka.events.seen?.({ connected: true, ends: [] })
    expect(world.source.denied()).toContain('--group workers')
    await world.clock.runUntil(world.kafka.listener.assigned([]))
    expect(world.source.denied()).toBeNull()
    world.kafka.events.error(refusal('ERR__AUTHENTICATION', -169))
    world.kafka.events.seen?.({ connected: false, ends: [] })
    expect(world.source.denied()).toContain('password')
    world.kafka.events.seen?.({ connected: true, ends: [] })
    expect(world.source.denied()).toBeNull()
  })

  it('that repeats itself is quoted once in ten seconds, with a count', async () => {
    const world = new World()
    await world.start(p0)
    for (let i = 0; i < 100; i += 1) world.kafka.events.error(refusal('ERR__ALL_BROKERS_DOWN', -187))
    expect(world.of('client_error')).toHaveLength(1)
    await world.clock.run(10_000)
    world.kafka.events.error(refusal('ERR__ALL_BROKERS_DOWN', -187))
    expect(world.of('client_error')[1]?.error).toContain('99 more')
  })
})

describe('a start', () => {
  it('names what exists near a missing topic, and leaves the group', async () => {
    const world = new World({ topics: ['jbos'] })
    await expect(world.source.start(world.listener)).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      advice: expect.stringContaining('jobs'),
    })
    expect(world.kafka.calls).toEqual(['close'])
    await world.source.stop()
  })

  it('resolves a pattern to names, without what must never be consumed', async () => {
    const world = new World({ topics: ['^jobs', 'other_dlq'], neverConsume: ['jobs_results'] })
    for (const topic of ['jobs_b', 'jobs_dlq', 'jobs_results', '__jobs', 'other', 'other_dlq']) {
      world.kafka.topics.set(topic, 1)
    }
    await world.start()
    expect([...world.subscribed].sort()).toEqual(['jobs', 'jobs_b', 'other_dlq'])
  })

  it('says which broker settings to check where none answers', async () => {
    const world = new World()
    world.kafka.connect = () => Promise.reject(refusal('ERR__TRANSPORT', -195))
    await expect(world.source.start(world.listener)).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' })
  })
})

describe('a stop', () => {
  it('hands on nothing from quiesce on, commits what ended, closes; twice is fine', async () => {
    const world = new World()
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 3)
    world.source.quiesce()
    await world.fetched(4, 6)
    expect(world.offsets).toEqual([0, 1, 2, 3])
    world.end(0, 2)
    const stopped = world.source.stop()
    expect(world.source.stop()).toBe(stopped)
    await world.clock.runUntil(stopped)
    expect(world.kafka.stored.get('jobs:0')?.offset).toBe(3)
    expect(world.kafka.calls.at(-1)).toBe('close')
    world.end(3)
    expect(world.of('late_result')).toHaveLength(1)
    await world.clock.run(60_000)
    expect(world.clock.scheduled).toBe(0)
  })

  it('takes partitions that come after quiesce paused', async () => {
    const world = new World()
    world.stored(0)
    await world.start()
    world.source.quiesce()
    await world.kafka.listener.assigned([p0])
    expect(world.source.partitions()[0]?.paused).toEqual(['stop'])
    await world.fetched(0, 3)
    expect(world.offsets).toEqual([])
  })

  it('in the middle of a rebalance commits once the group knows us again: nothing of it runs twice', async () => {
    const world = new World({ stopTimeoutMs: 10_000 })
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 3)
    world.end(0, 3)
    world.kafka.answer = (requests) =>
      Promise.resolve(world.kafka.refused(requests, refusal('ERR_ILLEGAL_GENERATION', 22)))
    const stopped = world.source.stop()
    await world.clock.run(3000)
    // Not in a tight loop: the group is asked a few times a second.
    expect(world.kafka.commits.length).toBeLessThan(20)
    world.kafka.answer = (requests) => Promise.resolve(world.kafka.taken(requests))
    await world.clock.runUntil(stopped)
    expect(world.kafka.stored.get('jobs:0')?.offset).toBe(4)
    expect(world.of('revoked')).toMatchObject([{ lost: false, drained: true }])
  })

  it('ends at its deadline where the group never knows us again', async () => {
    const world = new World({ stopTimeoutMs: 10_000 })
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 3)
    world.end(0, 3)
    world.kafka.answer = (requests) =>
      Promise.resolve(world.kafka.refused(requests, refusal('ERR_UNKNOWN_MEMBER_ID', 25)))
    const begun = world.clock.monotonic()
    await expect(world.clock.runUntil(world.source.stop())).rejects.toMatchObject({ code: 'DRAIN_TIMEOUT' })
    expect(world.kafka.calls.at(-1)).toBe('close')
    expect(world.clock.monotonic() - begun).toBeLessThanOrEqual(10_200)
    expect(world.of('revoked')).toMatchObject([{ lost: false, drained: false }])
  })

  it('ends also when no commit is answered', async () => {
    const world = new World({ stopTimeoutMs: 10_000 })
    world.stored(0)
    await world.start(p0)
    await world.fetched(0, 3)
    world.end(0, 3)
    world.kafka.answer = () => new Promise(() => undefined)
    const begun = world.clock.monotonic()
    await expect(world.clock.runUntil(world.source.stop())).rejects.toThrow('the last commit was not taken')
    expect(world.clock.monotonic() - begun).toBeLessThanOrEqual(10_200)
  })
})
