import { expect, it } from 'vitest'
import { type Random, seededRandom } from '../../../lib/index.ts'
import { type Assignment, DrakkarError, partitionKey, type RawMessage, type WorkerEvent } from '../../../model/index.ts'
import {
  type ClockBranch,
  heal,
  ModelBroker,
  type RecordAt,
  type VirtualClock,
  virtualClock,
} from '../../../testing/index.ts'
import { decodeMetadata } from '../../ledger/index.ts'
import { KafkaSource } from './source.ts'

const PARTITIONS = 3
const RECORDS = 400

/** A worker without pipelines: each message ends after a while of its own; a drain waits for what runs. */
class Member {
  readonly clock: ClockBranch
  readonly source: KafkaSource
  readonly events: WorkerEvent[] = []
  readonly failures: Error[] = []
  readonly #running = new Map<number, Map<number, Promise<void>>>()
  readonly #random: Random
  readonly #did: (member: Member, message: RawMessage, assignment: Assignment) => void

  constructor(of: {
    broker: ModelBroker
    clock: VirtualClock
    name: string
    random: Random
    did: (member: Member, message: RawMessage, assignment: Assignment) => void
  }) {
    this.clock = of.clock.branch()
    this.#random = of.random
    this.#did = of.did
    this.source = new KafkaSource({
      driver: of.broker.driver(of.name, this.clock),
      client: {},
      consumer: {
        groupId: 'workers',
        topics: ['jobs'],
        sessionTimeoutMs: 10_000,
        heartbeatIntervalMs: 1000,
        maxPollIntervalMs: 60_000,
      },
      clock: this.clock,
      random: of.random,
      announce: (event) => this.events.push(event),
      holds: { place: () => () => undefined },
      commitEvery: 20,
    })
  }

  start(): Promise<void> {
    return this.source.start({
      assigned: (assignments) => {
        for (const { epoch } of assignments) this.#running.set(epoch, new Map())
      },
      messages: (assignment, messages) => {
        for (const message of messages) this.#run(assignment, message)
      },
      revoked: async (assignments, { lost }) => {
        const running = assignments.flatMap(({ epoch }) => [...(this.#running.get(epoch)?.values() ?? [])])
        for (const { epoch } of assignments) if (lost) this.#running.delete(epoch)
        if (!lost) await Promise.all(running)
        return true
      },
      failed: (error) => void this.failures.push(error),
    })
  }

  async stop(): Promise<void> {
    this.source.quiesce()
    await Promise.all([...this.#running.values()].flatMap((running) => [...running.values()]))
    // The broker may refuse commits for longer than a stop takes; whoever owns the partitions next repeats then.
    await this.source.stop().catch((error: unknown) => {
      if (!(error instanceof DrakkarError && error.code === 'DRAIN_TIMEOUT')) throw error
    })
  }

  #run(assignment: Assignment, message: RawMessage): void {
    const takes = this.#random() < 0.03 ? 4000 : 5 + this.#random() * 100
    const running = this.#running.get(assignment.epoch)
    const ended = new Promise<void>((resolve) => {
      this.clock.timer(takes, () => {
        if (this.#running.has(assignment.epoch)) {
          this.#did(this, message, assignment)
          this.source.ended(assignment, message.offset, { kind: 'delivered' })
        }
        running?.delete(message.offset)
        resolve()
      })
    })
    running?.set(message.offset, ended)
  }
}

/** Members come, stop and crash under a broker that fails; then everything heals. */
async function world(
  seed: number,
): Promise<{ members: Member[]; broker: ModelBroker; done: Map<string, number[]>; crashes: number }> {
  const clock = virtualClock()
  const random = seededRandom(seed)
  const broker = new ModelBroker({ clock, random: seededRandom(seed + 1) })
  broker.createTopic('jobs', PARTITIONS)
  /** When each record was done: place in the broker's history. */
  const done = new Map<string, number[]>()
  const once = new Set<string>()
  const members: Member[] = []
  const join = async (): Promise<void> => {
    const name = `w${members.length}`
    const did = (_: Member, message: RawMessage, { epoch }: Assignment): void => {
      const key = `${partitionKey(message)}:${message.offset}`
      expect(once.has(`${name} ${epoch} ${key}`)).toBe(false)
      once.add(`${name} ${epoch} ${key}`)
      done.set(key, [...(done.get(key) ?? []), broker.history.entries.length])
    }
    const member = new Member({ broker, clock, name, random, did })
    await clock.runUntil(member.start().then(() => void members.push(member)))
  }
  await join()
  Object.assign(broker.faults, {
    commitRefused: 0.1,
    commitLost: 0.05,
    commitAnswerLost: 0.05,
    queryFailed: 0.05,
    lateRecords: 0.5,
  })
  let crashes = 0
  for (let round = 0; round < 8; round += 1) {
    for (let nth = 0; nth < (RECORDS * PARTITIONS) / 8; nth += 1) {
      const partition = Math.floor(random() * PARTITIONS)
      if (random() < 0.1) broker.skip({ topic: 'jobs', partition }, 1 + Math.floor(random() * 3))
      broker.append({ topic: 'jobs', partition, value: 'x' })
    }
    const dice = random()
    const alive = members.filter((member) => member.clock.alive)
    if (dice < 0.4 || alive.length === 0) await join()
    else if (dice < 0.6 && alive.length > 1)
      await clock.runUntil((alive[0] as Member).stop().then(() => alive[0]?.clock.cut()))
    else if (dice < 0.8) {
      crashes += 1
      alive[0]?.clock.cut()
    }
    await clock.run(1000 + random() * 8000)
  }
  heal(broker.faults)
  if (!members.some((member) => member.clock.alive)) await join()
  await clock.run(120_000)
  for (const member of members) if (member.clock.alive) await clock.runUntil(member.stop())
  return { members, broker, done, crashes }
}

/** What each taken commit calls done was done before it, and owners and offsets only grow. */
function checkCommits(
  broker: ModelBroker,
  done: ReadonlyMap<string, readonly number[]>,
  produced: readonly RecordAt[],
): void {
  const last = new Map<string, { owner: number; offset: number }>()
  for (const entry of broker.history.entries) {
    if (entry.type !== 'commit' || entry.error !== null) continue
    const at = partitionKey(entry.at)
    const decoded = decodeMetadata(entry.at, entry.offset, entry.metadata)
    if (!decoded.ok) throw new Error(decoded.reason)
    const { owner, map } = decoded.value
    const before = last.get(at)
    expect(owner).toBeGreaterThanOrEqual(before?.owner ?? 0)
    expect(entry.offset).toBeGreaterThanOrEqual(before?.offset ?? 0)
    last.set(at, { owner, offset: entry.offset })
    for (const { offset } of produced.filter((record) => partitionKey(record) === at)) {
      const open = map?.unfinished.some(({ from, to }) => from <= offset && offset <= to)
      if (offset >= entry.offset && (open || offset > (map?.horizon ?? -1))) continue
      expect((done.get(`${at}:${offset}`) ?? [Number.POSITIVE_INFINITY])[0]).toBeLessThanOrEqual(entry.seq)
    }
  }
}

it.each(Array.from({ length: 12 }, (_, index) => index * 1000 + 1))(
  'loses nothing, commits nothing that is not done, and repeats only after crashes and losses (seed %i)',
  async (seed) => {
    const { members, broker, done, crashes } = await world(seed)
    const produced = broker.history.entries.flatMap((entry) => (entry.type === 'produced' ? [entry.record] : []))
    const missing = produced.filter((record) => !done.has(`${partitionKey(record)}:${record.offset}`))
    expect(missing).toEqual([])
    checkCommits(broker, done, produced)
    expect(members.flatMap((member) => member.failures)).toEqual([])
    expect(broker.history.entries.filter(({ type }) => type === 'misuse')).toEqual([])
    const lost = members.flatMap((member) => member.events).filter((event) => event.type === 'revoked' && event.lost)
    const repeated = [...done.values()].filter((times) => times.length > 1).length
    if (crashes + lost.length === 0) expect(repeated).toBe(0)
  },
)
