import { describe, expect, test } from 'vitest'
import type { ConsumerOptions, KafkaConsumer, RebalanceListener, StartPosition } from '../../flow/source/index.ts'
import { seededRandom } from '../../lib/index.ts'
import type { RawMessage, TopicPartition } from '../../model/index.ts'
import { type ClockBranch, type VirtualClock, virtualClock } from '../virtual-clock.ts'
import { ModelBroker } from './broker.ts'

const OPTIONS: ConsumerOptions = {
  groupId: 'g',
  topics: ['in'],
  sessionTimeoutMs: 6_000,
  heartbeatIntervalMs: 1_000,
  maxPollIntervalMs: 20_000,
}

interface Member {
  readonly consumer: KafkaConsumer
  readonly clock: ClockBranch
  readonly seen: RawMessage[]
  readonly owned: Set<number>
  readonly lost: number[]
  readonly errors: string[]
  readonly outOfRange: number[]
  isolate(isolated: boolean): void
  /** What `revoked` waits for. */
  drain: () => Promise<void>
  polls: boolean
}

function world(partitions = 2): { clock: VirtualClock; broker: ModelBroker } {
  const clock = virtualClock()
  const broker = new ModelBroker({ clock, random: seededRandom(1) })
  broker.createTopic('in', partitions)
  return { clock, broker }
}

/** A member that polls for ever, starts at what the group holds, and notes what it sees. */
function join(
  at: { clock: VirtualClock; broker: ModelBroker },
  name: string,
  options: Partial<ConsumerOptions> = {},
): Member {
  const clock = at.clock.branch()
  const driver = at.broker.driver(name, clock)
  const consumer = driver.consumer({}, { ...OPTIONS, ...options })
  const member: Member = {
    consumer,
    clock,
    seen: [],
    owned: new Set(),
    lost: [],
    errors: [],
    outOfRange: [],
    isolate: (isolated) => driver.isolate(isolated),
    drain: () => Promise.resolve(),
    polls: true,
  }
  const listener: RebalanceListener = {
    assigned: async (partitions) => {
      const positions = await consumer.committed(partitions)
      return positions.map(({ topic, partition, offset }): StartPosition => {
        member.owned.add(partition)
        return { topic, partition, offset: offset ?? 'earliest' }
      })
    },
    revoked: async (partitions, { lost }) => {
      if (lost) member.lost.push(...partitions.map((each) => each.partition))
      else await member.drain()
      for (const each of partitions) member.owned.delete(each.partition)
    },
  }
  const poll = async (): Promise<void> => {
    await consumer.connect(listener, {
      error: (error) => member.errors.push(error.code),
      outOfRange: (where) => member.outOfRange.push(where.partition),
    })
    while (member.polls) member.seen.push(...(await consumer.poll(10, 100)))
  }
  poll().catch((error: unknown) => member.errors.push(String(error)))
  return member
}

function put(broker: ModelBroker, partition: number, count: number): void {
  for (let nth = 0; nth < count; nth += 1) broker.append({ topic: 'in', partition, value: `${partition}-${nth}` })
}

const p0: TopicPartition = { topic: 'in', partition: 0 }
const offsets = (member: Member, partition: number): number[] =>
  member.seen.filter((record) => record.partition === partition).map((record) => record.offset)

async function commit(at: { clock: VirtualClock }, member: Member, offset: number, metadata = ''): Promise<string> {
  const answers = await at.clock.runUntil(member.consumer.commit([{ ...p0, offset, metadata }]))
  return answers[0]?.error?.code ?? 'ok'
}

describe('reading', () => {
  test('brings every record once, in order, also over gaps', async () => {
    const at = world(1)
    put(at.broker, 0, 3)
    at.broker.skip(p0, 4)
    put(at.broker, 0, 2)
    at.broker.skip(p0, 1)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    expect(offsets(a, 0)).toEqual([0, 1, 2, 7, 8])
    expect(at.broker.watermarks(p0)).toEqual({ low: 0, high: 10 })
  })

  test('a pause holds back what no poll has taken yet, a resume brings it', async () => {
    const at = world(1)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    a.consumer.pause([p0])
    put(at.broker, 0, 2)
    await at.clock.run(1_000)
    expect(a.seen).toEqual([])
    a.consumer.resume([p0])
    await at.clock.run(10)
    expect(offsets(a, 0)).toEqual([0, 1])
  })

  test('a poll that was under way when the pause came still brings its records', async () => {
    const at = world(1)
    at.broker.faults.latencyMs = [50, 50]
    const a = join(at, 'a')
    await at.clock.run(2_000)
    put(at.broker, 0, 1)
    await at.clock.run(10)
    a.consumer.pause([p0])
    await at.clock.run(100)
    expect(offsets(a, 0)).toEqual([0])
  })

  test('a position that the log does not hold stops the partition until a seek', async () => {
    const at = world(1)
    put(at.broker, 0, 10)
    at.broker.truncate(p0, 5)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    a.seen.length = 0
    await at.clock.runUntil(a.consumer.seek({ ...p0, offset: 2 }))
    await at.clock.run(1_000)
    expect([a.outOfRange, a.seen]).toEqual([[0], []])
    await at.clock.runUntil(a.consumer.seek({ ...p0, offset: 7 }))
    await at.clock.run(1_000)
    expect(offsets(a, 0)).toEqual([7, 8, 9])
  })

  test('a recreated topic leaves the old position out of range', async () => {
    const at = world(1)
    put(at.broker, 0, 10)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    at.broker.recreateTopic('in', 1)
    put(at.broker, 0, 1)
    await at.clock.run(1_000)
    expect(a.outOfRange).toEqual([0])
  })
})

describe('groups', () => {
  test('a second member gets its share only after the first has given it up', async () => {
    const at = world(2)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    expect([...a.owned]).toEqual([0, 1])
    let drained: (() => void) | undefined
    a.drain = () => new Promise((resolve) => (drained = resolve))
    const b = join(at, 'b')
    await at.clock.run(4_000)
    expect([drained !== undefined, b.owned.size]).toEqual([true, 0])
    drained?.()
    await at.clock.run(4_000)
    expect([a.owned.size, b.owned.size]).toEqual([1, 1])
    expect(at.broker.group('g').members.length).toBe(2)
  })

  test('a member that drains goes on beating, and may commit until it has given up', async () => {
    const at = world(2)
    put(at.broker, 0, 1)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    let drained: (() => void) | undefined
    a.drain = () => new Promise((resolve) => (drained = resolve))
    join(at, 'b')
    await at.clock.run(15_000)
    expect(await commit(at, a, 1)).toBe('ok')
    expect(at.broker.group('g').members.length).toBe(2)
    drained?.()
    await at.clock.run(4_000)
    expect(a.lost).toEqual([])
  })

  test('a member that does not finish giving up within its poll interval is thrown out and loses everything', async () => {
    const at = world(2)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    let drained: (() => void) | undefined
    a.drain = () => new Promise((resolve) => (drained = resolve))
    const b = join(at, 'b')
    await at.clock.run(25_000)
    expect([...b.owned].toSorted((x, y) => x - y)).toEqual([0, 1])
    expect(await commit(at, a, 0)).toBe('ERR_UNKNOWN_MEMBER_ID')
    drained?.()
    a.drain = () => Promise.resolve()
    await at.clock.run(1_000)
    expect(a.lost).toHaveLength(1)
    await at.clock.run(5_000)
    expect([a.owned.size, b.owned.size]).toEqual([1, 1])
  })

  test('a dead member keeps its partitions until its session is over', async () => {
    const at = world(2)
    const a = join(at, 'a')
    const b = join(at, 'b')
    await at.clock.run(5_000)
    expect([a.owned.size, b.owned.size]).toEqual([1, 1])
    a.clock.cut()
    await at.clock.run(4_000)
    expect(b.owned.size).toBe(1)
    await at.clock.run(4_000)
    expect(b.owned.size).toBe(2)
  })

  test('a member without network loses everything by itself, and comes back', async () => {
    const at = world(2)
    const a = join(at, 'a')
    const b = join(at, 'b')
    await at.clock.run(5_000)
    a.isolate(true)
    await at.clock.run(9_000)
    expect([a.lost.length, b.owned.size]).toEqual([1, 2])
    a.isolate(false)
    await at.clock.run(10_000)
    expect([a.owned.size, b.owned.size]).toEqual([1, 1])
  })

  test('who does not poll for too long is out', async () => {
    const at = world(2)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    a.polls = false
    await at.clock.run(25_000)
    expect(a.errors).toContain('ERR__MAX_POLL_EXCEEDED')
    expect(at.broker.group('g').members).toEqual([])
  })

  test('leaving hands over at once', async () => {
    const at = world(2)
    const a = join(at, 'a')
    const b = join(at, 'b')
    await at.clock.run(5_000)
    a.polls = false
    await at.clock.run(200)
    await at.clock.runUntil(a.consumer.close())
    await at.clock.run(1_500)
    expect([...b.owned].toSorted((x, y) => x - y)).toEqual([0, 1])
  })

  test('a static member that comes back replaces its former self and keeps its partitions', async () => {
    const at = world(2)
    const old = join(at, 'a', { groupInstanceId: 'one' })
    join(at, 'b')
    await at.clock.run(5_000)
    const { generation } = at.broker.group('g')
    const young = join(at, 'a2', { groupInstanceId: 'one' })
    await at.clock.run(3_000)
    expect(at.broker.group('g').generation).toBe(generation)
    expect(old.errors).toContain('ERR_FENCED_INSTANCE_ID')
    expect(young.owned.size).toBe(1)
  })

  test('new partitions are noticed', async () => {
    const at = world(1)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    at.broker.createTopic('in', 3)
    await at.clock.run(3_000)
    expect(a.owned.size).toBe(3)
  })
})

describe('commits', () => {
  test('a commit of an older generation is refused', async () => {
    const at = world(2)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    at.broker.faults.latencyMs = [400, 400]
    const committed = a.consumer.commit([{ ...p0, offset: 1, metadata: '' }])
    at.broker.faults.latencyMs = [1, 1]
    a.clock.timer(0, () => undefined)
    join(at, 'b')
    await at.clock.run(5_000)
    const [answer] = await at.clock.runUntil(committed)
    expect(['ok', 'ERR_ILLEGAL_GENERATION']).toContain(answer?.error?.code ?? 'ok')
    const driver = at.broker.driver('stranger')
    const stranger = driver.consumer({}, OPTIONS)
    await at.clock.runUntil(
      stranger.connect(
        { assigned: () => new Promise(() => undefined), revoked: () => Promise.resolve() },
        {
          error: () => undefined,
          outOfRange: () => undefined,
        },
      ),
    )
    const [refused] = await at.clock.runUntil(stranger.commit([{ ...p0, offset: 9, metadata: '' }]))
    expect(refused?.error?.code).toBe('ERR_UNKNOWN_MEMBER_ID')
    expect(at.broker.committed('g', p0)?.offset ?? 0).not.toBe(9)
  })

  test('offset and metadata come back as they went in, and their history stays', async () => {
    const at = world(1)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    expect(await commit(at, a, 3, 'v1;abc;~')).toBe('ok')
    expect(await commit(at, a, 5, 'x'.repeat(4_097))).toBe('ERR_OFFSET_METADATA_TOO_LARGE')
    expect(at.broker.committed('g', p0)).toEqual({ offset: 3, metadata: 'v1;abc;~' })
    const decided = at.broker.history.entries.filter((entry) => entry.type === 'commit')
    expect(decided.map(({ offset, error }) => [offset, error])).toEqual([
      [3, null],
      [5, 'ERR_OFFSET_METADATA_TOO_LARGE'],
    ])
  })

  test('a lost answer rejects, although the broker took the commit; a lost request leaves nothing', async () => {
    const at = world(1)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    at.broker.faults.commitAnswerLost = 1
    await expect(commit(at, a, 3)).rejects.toMatchObject({ code: 'ERR__TIMED_OUT', retriable: true })
    expect(at.broker.committed('g', p0)?.offset).toBe(3)
    at.broker.faults.commitLost = 1
    await expect(commit(at, a, 4)).rejects.toMatchObject({ code: 'ERR__TIMED_OUT' })
    expect(at.broker.committed('g', p0)?.offset).toBe(3)
  })

  test('what a dead worker had sent still arrives, but nothing answers it', async () => {
    const at = world(1)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    let answered = false
    void a.consumer.commit([{ ...p0, offset: 2, metadata: '' }]).then(() => (answered = true))
    a.clock.cut()
    await at.clock.run(1_000)
    expect([at.broker.committed('g', p0)?.offset, answered]).toEqual([2, false])
  })

  test('nothing that happens in the world wakes a dead worker', async () => {
    const at = world(1)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    let woken = false
    a.polls = false
    await at.clock.run(200)
    void a.consumer.poll(10, 1_000).then(() => (woken = true))
    a.clock.cut()
    put(at.broker, 0, 1)
    await at.clock.run(20_000)
    await at.clock.runUntil(a.consumer.close())
    expect(woken).toBe(false)
    expect(at.broker.history.entries.some((entry) => entry.type === 'released')).toBe(false)
  })

  test('two commits at once are noted as misuse', async () => {
    const at = world(1)
    const a = join(at, 'a')
    await at.clock.run(1_000)
    const both = Promise.all([commit(at, a, 1), a.consumer.commit([{ ...p0, offset: 2, metadata: '' }])])
    await at.clock.runUntil(both)
    expect(at.broker.history.entries.some((entry) => entry.type === 'misuse')).toBe(true)
  })
})

describe('producing', () => {
  const record = { topic: 'out', key: Buffer.from('k'), value: Buffer.from('v'), headers: [] }

  test('answers with the place, keeps the order, and chooses the partition of the Java client', async () => {
    const at = world()
    at.broker.createTopic('out', 7)
    const producer = at.broker.driver('a').producer({}, { lingerMs: 0, compression: 'none' })
    await at.clock.runUntil(producer.connect())
    const sent = Array.from({ length: 20 }, (_, nth) =>
      producer.send({ ...record, partition: 0, key: null, value: Buffer.from(`${nth}`) }),
    )
    const places = await at.clock.runUntil(Promise.all(sent))
    expect(places.map((place) => place.offset)).toEqual(Array.from({ length: 20 }, (_, nth) => nth))
    const keyed = await at.clock.runUntil(producer.send({ ...record, key: Buffer.from('21') }))
    // Java: Utils.toPositive(Utils.murmur2("21".getBytes())) == toPositive(-973932308)
    expect(keyed.partition).toBe((-973_932_308 & 0x7fffffff) % 7)
  })

  test('an unknown topic, a closed topic, a large record and a lost acknowledgement reject', async () => {
    const at = world()
    at.broker.createTopic('out', 1)
    const producer = at.broker.driver('a').producer({}, { lingerMs: 0, compression: 'none', maxMessageBytes: 10 })
    await at.clock.runUntil(producer.connect())
    const send = (over: Partial<typeof record>): Promise<unknown> =>
      at.clock.runUntil(producer.send({ ...record, ...over }))
    await expect(send({ topic: 'nowhere' })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_TOPIC_OR_PART' })
    await expect(send({ value: Buffer.alloc(10) })).rejects.toMatchObject({ code: 'ERR_MSG_SIZE_TOO_LARGE' })
    at.broker.faults.closedTopics.add('out')
    await expect(send({})).rejects.toMatchObject({ code: 'ERR__MSG_TIMED_OUT', retriable: true })
    at.broker.faults.closedTopics.clear()
    expect(at.broker.topic('out')).toHaveLength(0)
    at.broker.faults.produceAnswerLost = 1
    await expect(send({})).rejects.toMatchObject({ retriable: true })
    expect(at.broker.topic('out')).toHaveLength(1)
  })
})

test('the same seed gives the same history', async () => {
  const run = async (seed: number): Promise<string> => {
    const clock = virtualClock()
    const broker = new ModelBroker({ clock, random: seededRandom(seed) })
    broker.createTopic('in', 4)
    Object.assign(broker.faults, { latencyMs: [1, 200], commitRefused: 0.3, lateRecords: 0.5 })
    const at = { clock, broker }
    for (let partition = 0; partition < 4; partition += 1) put(broker, partition, 5)
    join(at, 'a')
    await clock.run(700)
    const b = join(at, 'b')
    await clock.run(9_000)
    b.clock.cut()
    await clock.run(15_000)
    return JSON.stringify(broker.history.entries)
  }
  const first = await run(7)
  expect(await run(7)).toBe(first)
  expect(await run(8)).not.toBe(first)
})
