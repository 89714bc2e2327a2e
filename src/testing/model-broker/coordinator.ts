import { type Clock, type Deferred, deferred, type Timer } from '../../lib/index.ts'
import { partitionKey, type TopicPartition } from '../../model/index.ts'
import type { History } from '../history.ts'
import { assign } from './assign.ts'
import { driverError, type ModelErrorCode } from './errors.ts'

export interface JoinRequest {
  readonly client: string
  /** Null at the first join, and after the group has forgotten the member. */
  readonly member: string | null
  readonly instance: string | undefined
  readonly topics: readonly string[]
  readonly owned: readonly TopicPartition[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

export interface JoinAnswer {
  readonly member: string
  readonly generation: number
  readonly assignment: readonly TopicPartition[]
}

export interface StoredCommit {
  readonly offset: number
  readonly metadata: string
}

interface Member {
  readonly id: string
  request: JoinRequest
  assignment: readonly TopicPartition[]
  /** Waits in a join; until it is answered the member needs no heartbeat. */
  waiting: Deferred<JoinAnswer> | null
  session: Timer | null
}

/** How long the group refuses commits while its members fetch their new assignment, milliseconds. */
const SYNC_MS = 5

/** Default of the real broker's `offset.metadata.max.bytes`. */
const METADATA_LIMIT = 4_096

/**
 * One consumer group as the broker runs it: members, generations and committed offsets. It knows nothing of what its
 * members do; it only believes what they say in time and under their name and generation.
 */
export class Coordinator {
  readonly #group: string
  readonly #clock: Clock
  readonly #history: History
  readonly #partitionsOf: (topic: string) => readonly TopicPartition[]
  readonly #members = new Map<string, Member>()
  readonly #fenced = new Set<string>()
  readonly #committed = new Map<string, StoredCommit>()
  #state: 'empty' | 'preparing' | 'completing' | 'stable' = 'empty'
  #generation = 0
  #names = 0
  #rebalance: Timer | null = null

  constructor(of: {
    group: string
    clock: Clock
    history: History
    partitionsOf: (topic: string) => readonly TopicPartition[]
  }) {
    this.#group = of.group
    this.#clock = of.clock
    this.#history = of.history
    this.#partitionsOf = of.partitionsOf
  }

  get members(): readonly string[] {
    return [...this.#members.keys()]
  }

  get generation(): number {
    return this.#generation
  }

  get stable(): boolean {
    return this.#state === 'stable' || this.#state === 'empty'
  }

  /** What the group holds for a partition. */
  committed(at: TopicPartition): StoredCommit | null {
    return this.#committed.get(partitionKey(at)) ?? null
  }

  /** The topic's offsets are gone with it. */
  forget(topic: string): void {
    for (const key of this.#committed.keys()) {
      if (key.slice(0, key.lastIndexOf(':')) === topic) this.#committed.delete(key)
    }
  }

  /** Answers when the round that this join belongs to is complete. */
  join(request: JoinRequest): Promise<JoinAnswer> {
    if (request.member !== null && !this.#members.has(request.member)) throw this.#unknown(request.member)
    const replaced = this.#sameInstance(request)
    if (replaced !== undefined) {
      const taken = this.#replace(replaced, request)
      if (taken !== null) return Promise.resolve(taken)
    }
    const id = request.member ?? this.#name(request.client)
    const member = this.#members.get(id) ?? this.#admit(id, request)
    member.request = request
    member.session?.cancel()
    member.session = null
    const superseded = member.waiting
    member.waiting = deferred()
    superseded?.reject(this.#unknown(id))
    const answer = member.waiting.promise
    this.#prepare()
    this.#completeWhenAllJoined()
    return answer
  }

  /** `rebalance` asks the member to join again. */
  heartbeat(id: string, generation: number): 'ok' | 'rebalance' {
    const member = this.#check(id, generation)
    this.#expect(member)
    return this.#state === 'preparing' ? 'rebalance' : 'ok'
  }

  /** The member is gone; a name that the group does not know is nothing to it. */
  remove(id: string, why: 'left' | 'thrown-out'): void {
    this.#remove(id, why)
  }

  /** The number of partitions changed. */
  refresh(): void {
    if (this.#members.size > 0 && this.#state === 'stable') this.#prepare()
  }

  /** Takes the commit, or answers with what is wrong with it. */
  commit(
    id: string,
    generation: number,
    at: TopicPartition,
    position: StoredCommit,
  ): { readonly error: ModelErrorCode | null } {
    const error = this.refusal(id, generation, at, position)
    if (error === null) this.store(at, position)
    return { error }
  }

  /** What is wrong with a commit; null where nothing is. */
  refusal(id: string, generation: number, at: TopicPartition, position: StoredCommit): ModelErrorCode | null {
    try {
      this.#expect(this.#check(id, generation))
    } catch (error) {
      return (error as { code: ModelErrorCode }).code
    }
    if (this.#state === 'completing') return 'ERR_REBALANCE_IN_PROGRESS'
    if (Buffer.byteLength(position.metadata) > METADATA_LIMIT) return 'ERR_OFFSET_METADATA_TOO_LARGE'
    if (!this.#partitionsOf(at.topic).some((known) => known.partition === at.partition)) {
      return 'ERR_UNKNOWN_TOPIC_OR_PART'
    }
    return null
  }

  /** Keeps a commit that was found right, now or when its transaction began to be ended. */
  store(at: TopicPartition, { offset, metadata }: StoredCommit): void {
    this.#committed.set(partitionKey(at), { offset, metadata })
  }

  #check(id: string, generation: number): Member {
    if (this.#fenced.has(id)) throw driverError('ERR_FENCED_INSTANCE_ID', `${id} was replaced by its namesake`)
    const member = this.#members.get(id)
    if (member === undefined) throw this.#unknown(id)
    if (generation !== this.#generation) {
      throw driverError(
        'ERR_ILLEGAL_GENERATION',
        `generation ${generation} is over, the group is at ${this.#generation}`,
      )
    }
    return member
  }

  #unknown(id: string): Error {
    return driverError('ERR_UNKNOWN_MEMBER_ID', `the group ${this.#group} has no member ${id}`)
  }

  #name(client: string): string {
    this.#names += 1
    return `${client}-${this.#names}`
  }

  #admit(id: string, request: JoinRequest): Member {
    const member: Member = { id, request, assignment: [], waiting: null, session: null }
    this.#members.set(id, member)
    this.#tell('joined', member)
    return member
  }

  #sameInstance(request: JoinRequest): Member | undefined {
    if (request.instance === undefined) return undefined
    return [...this.#members.values()].find((member) => {
      return member.request.instance === request.instance && member.id !== request.member
    })
  }

  /** A static member came back under its name: the older one is fenced. In a quiet group nobody else notices. */
  #replace(older: Member, request: JoinRequest): JoinAnswer | null {
    const quiet = this.#state === 'stable'
    older.session?.cancel()
    older.waiting?.reject(driverError('ERR_FENCED_INSTANCE_ID', `${older.id} was replaced by its namesake`))
    this.#members.delete(older.id)
    this.#fenced.add(older.id)
    this.#tell('fenced', older)
    if (!quiet) return null
    const member = this.#admit(this.#name(request.client), request)
    member.assignment = older.assignment
    this.#expect(member)
    return { member: member.id, generation: this.#generation, assignment: member.assignment }
  }

  #remove(id: string, what: 'left' | 'expired' | 'thrown-out'): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    member.session?.cancel()
    this.#members.delete(id)
    member.waiting?.reject(this.#unknown(id))
    this.#tell(what, member)
    if (this.#members.size === 0) {
      this.#rebalance?.cancel()
      this.#rebalance = null
      this.#generation += 1
      this.#state = 'empty'
      return
    }
    this.#prepare()
    this.#completeWhenAllJoined()
  }

  #tell(what: 'joined' | 'left' | 'expired' | 'thrown-out' | 'fenced', member: Member): void {
    this.#history.add({ type: 'member', what, group: this.#group, client: member.request.client, member: member.id })
  }

  /** The member must be heard of again within its session time-out. */
  #expect(member: Member): void {
    member.session?.cancel()
    member.session =
      member.waiting === null
        ? this.#clock.timer(member.request.sessionTimeoutMs, () => this.#remove(member.id, 'expired'))
        : null
  }

  #prepare(): void {
    if (this.#state === 'preparing') return
    this.#state = 'preparing'
    const limit = Math.max(...[...this.#members.values()].map((member) => member.request.rebalanceTimeoutMs))
    this.#rebalance = this.#clock.timer(limit, () => {
      const late = [...this.#members.values()].filter((member) => member.waiting === null)
      for (const member of late) this.#remove(member.id, 'thrown-out')
    })
  }

  #completeWhenAllJoined(): void {
    const members = [...this.#members.values()]
    if (this.#state !== 'preparing' || members.some((member) => member.waiting === null)) return
    this.#rebalance?.cancel()
    this.#rebalance = null
    this.#generation += 1
    this.#state = 'completing'
    const round = this.#generation
    this.#clock.timer(SYNC_MS, () => {
      if (this.#generation === round && this.#state === 'completing') this.#state = 'stable'
    })
    const claims = members.map(({ id, request }) => ({ member: id, topics: request.topics, owned: request.owned }))
    const assignment = assign(claims, this.#partitionsOf)
    this.#history.add({
      type: 'generation',
      group: this.#group,
      generation: this.#generation,
      assignment: members.map(({ id, request }) => ({ client: request.client, partitions: assignment.get(id) ?? [] })),
    })
    for (const member of members) {
      member.assignment = assignment.get(member.id) ?? []
      const waiting = member.waiting
      member.waiting = null
      this.#expect(member)
      waiting?.resolve({ member: member.id, generation: this.#generation, assignment: member.assignment })
    }
  }
}
