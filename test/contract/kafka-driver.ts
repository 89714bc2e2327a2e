import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type {
  ClientProperties,
  ConsumerOptions,
  KafkaDriver,
  KafkaProducer,
  ProducerRecord,
} from '../../src/flow/source/kafka/driver.ts'
import type { RawMessage, TopicPartition } from '../../src/model/index.ts'
import { partitionOf } from '../../src/testing/model-broker/murmur2.ts'
import { Member, type MemberOptions } from './member.ts'

/** What the suite needs of a broker; topics have four partitions. */
export interface ContractBroker {
  readonly client: ClientProperties
  /** A group's time-outs that this broker takes. */
  readonly timing: Pick<ConsumerOptions, 'sessionTimeoutMs' | 'heartbeatIntervalMs' | 'maxPollIntervalMs'>
  createTopic(topic: string, settings?: Readonly<Record<string, string>>): Promise<void>
  /** What only a real broker can do. */
  readonly admin?: {
    deleteRecords(at: TopicPartition, before: number): Promise<void>
    deleteTopic(topic: string): Promise<void>
  }
  stop(): Promise<void>
}

const PARTITIONS = [0, 1, 2, 3]
const PLAIN = { lingerMs: 0, compression: 'none' }

/** The contract of the port `KafkaDriver`, as tests: every driver that moves real data must pass it. */
export function kafkaDriverContract(
  name: string,
  setup: { readonly driver: () => KafkaDriver; readonly broker: () => Promise<ContractBroker>; readonly real: boolean },
): void {
  describe(name, () => {
    const driver = setup.driver()
    let broker: ContractBroker
    let producer: KafkaProducer

    beforeAll(async () => {
      broker = await setup.broker()
      producer = driver.producer(broker.client, PLAIN)
      await producer.connect()
    }, 120_000)

    afterAll(async () => {
      await producer?.close()
      await broker?.stop()
    })

    const onReal = test.skipIf(!setup.real)

    async function newTopic(settings?: Readonly<Record<string, string>>): Promise<string> {
      const topic = `t-${randomUUID()}`
      await broker.createTopic(topic, settings)
      return topic
    }

    function join(
      topic: string,
      options: Partial<Omit<MemberOptions, 'group'>> & { readonly group?: Partial<ConsumerOptions> } = {},
    ): Promise<Member> {
      const { group, ...rest } = options
      return Member.join({
        driver,
        client: broker.client,
        ...rest,
        group: { groupId: `g-${topic}`, topics: [topic], ...broker.timing, ...group },
      })
    }

    function send(topic: string, partition: number, count: number): Promise<readonly unknown[]> {
      return Promise.all(
        Array.from({ length: count }, (_, at) =>
          producer.send(record(topic, { partition, value: Buffer.from(`${at}`) })),
        ),
      )
    }

    test('carries bytes, keys, headers, timestamps, tombstones and order, and commits with metadata', async () => {
      const topic = await newTopic()
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at))
      const timestamp = 1_700_000_000_123
      const sent: readonly ProducerRecord[] = [
        record(topic, { key: bytes, value: bytes, timestamp }),
        record(topic, { value: null, key: Buffer.from('tombstone') }),
        record(topic, { value: Buffer.alloc(0), key: Buffer.alloc(0) }),
        record(topic, {
          headers: [
            ['b', Buffer.from('1')],
            ['a', Buffer.from([0, 255])],
            ['b', Buffer.alloc(0)],
            ['__proto__', Buffer.from('p')],
            ['7', Buffer.from('number')],
            ['null', null],
          ],
        }),
      ]
      // One after the other is awaited only at the end: a producer keeps the order of its calls.
      const placed = await Promise.all(sent.map((one) => producer.send({ ...one, partition: 2 })))
      expect(placed).toEqual(sent.map((_, offset) => ({ topic, partition: 2, offset })))
      await send(topic, 3, 500)
      const keyed = await Promise.all(
        ['', 'a', 'order-17', 'ключ', 'x'.repeat(99)].map(async (key) => {
          const { partition } = await producer.send(record(topic, { key: Buffer.from(key) }))
          return { key, partition }
        }),
      )
      expect(keyed).toEqual(keyed.map(({ key }) => ({ key, partition: partitionOf(Buffer.from(key), 4) })))

      const member = await join(topic)
      try {
        await member.until('all records', () => member.records.length === sent.length + 500 + keyed.length)
        const read = member.records.filter(({ partition }) => partition === 2).slice(0, 4)
        expect(read.map(({ value }) => value)).toEqual([bytes, null, Buffer.alloc(0), Buffer.from('v')])
        expect(read.map(({ key }) => key)).toEqual([bytes, Buffer.from('tombstone'), Buffer.alloc(0), null])
        expect(read[0]).toMatchObject({ timestamp, headers: [], offset: 0, topic, partition: 2 })
        // The client cannot write a null header value: it arrives empty.
        expect(read[3]?.headers).toEqual(sent[3]?.headers.map(([header, value]) => [header, value ?? Buffer.alloc(0)]))
        expect(member.offsetsOf(3).slice(0, 500)).toEqual(Array.from({ length: 500 }, (_, at) => at))
        expect(
          member.records
            .filter(({ partition }) => partition === 3)
            .slice(0, 500)
            .map(text),
        ).toEqual(Array.from({ length: 500 }, (_, at) => `${at}`))

        const strings = ['v1;', ';~', 'ünï;', 'x'.repeat(3_000)]
        const requests = strings.map((metadata, partition) => ({ topic, partition, offset: partition + 1, metadata }))
        const answers = await member.consumer.commit(requests)
        expect(answers).toEqual(requests.map(({ partition, offset }) => ({ topic, partition, offset, error: null })))
        expect(await member.consumer.committed(PARTITIONS.map((partition) => ({ topic, partition })))).toEqual(requests)

        const again = { topic, partition: 0, offset: 2, metadata: '', leaderEpoch: 0 }
        expect(await member.consumer.commit([again])).toMatchObject([{ offset: 2, error: null }])
        expect(await member.consumer.committed([again])).toEqual([{ topic, partition: 0, offset: 2, metadata: '' }])
        expect(await member.consumer.watermarks({ topic, partition: 3 })).toMatchObject({ low: 0 })
        const foreign = { topic: 'not-ours', partition: 0, offset: 1, metadata: '' }
        const [mine, refused] = await member.consumer.commit([again, foreign])
        expect(mine?.error).toBeNull()
        expect(refused?.error).toMatchObject({ code: 'ERR__ASSIGNMENT_LOST', retriable: false })
        expect(await member.consumer.commit([])).toEqual([])
        expect(member.errors).toEqual([])
      } finally {
        await member.leave()
      }
    })

    test('starts at the positions it is given, after a commit from inside the assignment', async () => {
      const topic = await newTopic()
      for (const partition of PARTITIONS) await send(topic, partition, 10)
      const starts = [4, 'earliest', 'latest', 9] as const
      const member = await join(topic, {
        start: (at) => starts[at.partition] ?? 0,
        beforeStart: async ({ consumer }, partitions) => {
          const claims = partitions.map((at) => ({ ...at, offset: 0, metadata: `claim-${at.partition}` }))
          expect((await consumer.commit(claims)).map(({ error }) => error)).toEqual(claims.map(() => null))
        },
      })
      try {
        await member.until('17 records', () => member.records.length === 17)
        await send(topic, 2, 1)
        await member.until('the record at the end', () => member.offsetsOf(2).length === 1)
        expect(PARTITIONS.map((partition) => member.offsetsOf(partition)[0])).toEqual([4, 0, 10, 9])
        expect(member.committed.map(({ metadata }) => metadata)).toEqual(PARTITIONS.map((at) => `claim-${at}`))
        expect(member.records).toHaveLength(18)
      } finally {
        await member.leave()
      }
    })

    // The embedded broker refuses every commit of a group that somebody joins or leaves; Kafka takes them.
    onReal('hands partitions over only after the drain, at the committed position, without duplicates', async () => {
      const topic = await newTopic()
      for (const partition of PARTITIONS) await send(topic, partition, 40)
      const second = Promise.withResolvers<Member>()
      let duringDrain: unknown
      const first = await join(topic, {
        drain: async (member, partitions) => {
          const other = await second.promise
          const from = other.polls
          // Forty polls of the other, which takes two seconds: the group must wait for us all the while.
          await other.until('the other polls on', () => other.polls >= from + 40)
          duringDrain = { owned: other.owned.size, records: other.records.length }
          const commits = partitions.map((at) => ({ ...at, offset: 25, metadata: `drained-${at.partition}` }))
          const answers = await member.consumer.commit(commits)
          expect(answers.map(({ error }) => error)).toEqual(commits.map(() => null))
        },
      })
      await first.until('the first has all', () => first.records.length === 160)
      const other = await join(topic)
      second.resolve(other)
      try {
        await other.until('two partitions moved', () => other.owned.size === 2 && other.records.length >= 30)
        expect(duringDrain).toEqual({ owned: 0, records: 0 })
        const moved = [...other.owned].map((key) => Number(key.split(':')[1]))
        expect(other.committed).toEqual(
          moved.map((partition) => ({ topic, partition, offset: 25, metadata: `drained-${partition}` })),
        )
        for (const partition of moved) {
          expect(other.offsetsOf(partition)).toEqual(Array.from({ length: 15 }, (_, at) => 25 + at))
        }
        // Those that stayed go on where they were: nothing is read twice.
        for (const partition of PARTITIONS) await send(topic, partition, 5)
        const stayed = PARTITIONS.filter((partition) => !moved.includes(partition))
        await first.until('the rest', () => stayed.every((partition) => first.offsetsOf(partition).length >= 45))
        for (const partition of stayed) {
          expect(first.offsetsOf(partition)).toEqual(Array.from({ length: 45 }, (_, at) => at))
        }
        expect(first.events.filter(({ type }) => type === 'revoked')).toMatchObject([{ lost: false }])
        // A former owner of a partition cannot commit it any more, though it is still a member.
        const [late] = await first.consumer.commit([{ topic, partition: moved[0] ?? 0, offset: 30, metadata: '' }])
        expect(late?.error).toMatchObject({ code: 'ERR__ASSIGNMENT_LOST' })
      } finally {
        await Promise.all([first.leave(), other.leave()])
      }
    })

    const protocols: readonly (readonly [string, ClientProperties])[] = [
      ['the eager protocol', { 'partition.assignment.strategy': 'range' }],
      ['the protocol of KIP-848', { 'group.protocol': 'consumer' }],
    ]
    onReal.each(protocols)('hands partitions over and heals positions with %s', async (_, properties) => {
      const topic = await newTopic()
      for (const partition of PARTITIONS) await send(topic, partition, 10)
      const commitRead: MemberOptions['drain'] = async (member, partitions) => {
        const commits = partitions.map((at) => {
          const last = member.offsetsOf(at.partition).at(-1) ?? -1
          return { ...at, offset: last + 1, metadata: `${at.partition}` }
        })
        const answers = await member.consumer.commit(commits)
        expect(answers.map(({ error }) => error)).toEqual(commits.map(() => null))
      }
      const client = { ...broker.client, ...properties }
      const first = await join(topic, {
        client,
        drain: commitRead,
        start: (at) => at.offset ?? (at.partition === 1 ? 5_000 : 0),
      })
      await first.until('the report', () => first.outOfRange.length === 1 && first.records.length === 30)
      await first.consumer.seek({ topic, partition: 1, offset: 0 })
      await first.until('all', () => first.records.length === 40)
      const second = await join(topic, { client, drain: commitRead })
      try {
        await second.until('its share', () => second.owned.size === 2)
        for (const partition of PARTITIONS) await send(topic, partition, 10)
        await Promise.all([
          first.until('the rest of the first', () => first.records.length === 60),
          second.until('the rest of the second', () => second.records.length === 20),
        ])
        const all = [...first.records, ...second.records].map(({ partition, offset }) => `${partition}:${offset}`)
        expect(new Set(all).size).toBe(80)
        expect([...first.errors, ...second.errors].filter(({ fatal }) => fatal)).toEqual([])
      } finally {
        await Promise.all([first.leave(), second.leave()])
      }
    })

    test('calls partitions lost that the group took away, and refuses their commit', async () => {
      const topic = await newTopic()
      await send(topic, 0, 5)
      const lateCommits: (string | undefined)[] = []
      const idle = await join(topic, {
        group: { maxPollIntervalMs: broker.timing.sessionTimeoutMs },
        drain: async (member, partitions) => {
          const answers = await member.consumer.commit(partitions.map((at) => ({ ...at, offset: 5, metadata: '' })))
          lateCommits.push(...answers.map(({ error }) => error?.code))
        },
      })
      await idle.until('the first records', () => idle.records.length === 5)
      await idle.stopPolling()
      const other = await join(topic)
      try {
        await other.until('all partitions', () => other.owned.size === 4 && other.records.length === 5)
        idle.startPolling()
        await idle.until('the loss', () => idle.owned.size === 0)
        expect(idle.events.at(-1)).toMatchObject({ type: 'revoked', lost: true })
        expect(idle.errors.map(({ code }) => code)).toContain('ERR__MAX_POLL_EXCEEDED')
        expect(idle.errors.filter(({ fatal }) => fatal)).toEqual([])
        expect(lateCommits).toHaveLength(4)
        // The embedded broker lets the idle member in again before it hears of the loss, and then takes its commit.
        const refused = /UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION|ASSIGNMENT_LOST/
        for (const code of setup.real ? lateCommits : lateCommits.slice(0, 2)) expect(code).toMatch(refused)
      } finally {
        await Promise.all([idle.leave(), other.leave()])
      }
    })

    test('pauses, resumes and seeks single partitions', async () => {
      const topic = await newTopic()
      const at = PARTITIONS.map((partition) => ({ topic, partition }))
      const [zero, one] = at as [TopicPartition, TopicPartition]
      // Paused from inside the assignment, before the client has taken the partition.
      const member = await join(topic, {
        beforeStart: async ({ consumer }) => {
          consumer.pause([zero])
        },
      })
      try {
        await member.until('the assignment', () => member.owned.size === 4)
        // A record of another partition tells that all were taken; from then on the pause must hold.
        await send(topic, 1, 10)
        await member.until('partition 1', () => member.offsetsOf(1).length === 10)
        await send(topic, 0, 10)
        const from = member.polls
        await member.until('some more polls', () => member.polls >= from + 10)
        expect(member.offsetsOf(0)).toEqual([])
        member.consumer.resume([zero])
        await member.until('partition 0', () => member.offsetsOf(0).length === 10)

        await member.consumer.seek({ ...one, offset: 7 })
        await member.until('the seek', () => member.offsetsOf(1).length === 13)
        expect(member.offsetsOf(1).slice(10)).toEqual([7, 8, 9])
        member.consumer.pause([one])
        await member.consumer.seek({ ...one, offset: 'earliest' })
        const paused = member.polls
        await member.until('polls while paused', () => member.polls >= paused + 10)
        expect(member.offsetsOf(1)).toHaveLength(13)
        member.consumer.resume([one])
        await member.until('all again', () => member.offsetsOf(1).length === 23)
        expect(member.offsetsOf(1).slice(13)).toEqual(Array.from({ length: 10 }, (_, offset) => offset))
        await member.consumer.seek({ ...one, offset: 'latest' })
        await send(topic, 1, 1)
        await member.until('the newest', () => member.offsetsOf(1).at(-1) === 10)
        expect(member.offsetsOf(1)).toHaveLength(24)
        // Of partitions that are not ours nothing is asked, and nothing breaks.
        member.consumer.pause([{ topic: 'not-ours', partition: 0 }])
        member.consumer.resume([{ topic: 'not-ours', partition: 0 }])
        await member.consumer.seek({ topic: 'not-ours', partition: 0, offset: 0 })
      } finally {
        await member.leave()
      }
    })

    test('tells of a position that the log does not hold, and goes on after a seek', async () => {
      const topic = await newTopic()
      for (const partition of PARTITIONS) await send(topic, partition, 10)
      const member = await join(topic, { start: ({ partition }) => (partition === 1 ? 5_000 : 0) })
      try {
        await member.until('the report', () => member.outOfRange.length > 0)
        await member.until('the others', () => member.records.length === 30)
        expect(member.outOfRange).toEqual([{ topic, partition: 1 }])
        member.consumer.pause([{ topic, partition: 1 }])
        await member.consumer.seek({ topic, partition: 1, offset: 6 })
        const from = member.polls
        await member.until('polls while paused', () => member.polls >= from + 10)
        expect(member.offsetsOf(1)).toEqual([])
        member.consumer.resume([{ topic, partition: 1 }])
        await member.until('partition 1', () => member.offsetsOf(1).length === 4)
        expect(member.offsetsOf(1)).toEqual([6, 7, 8, 9])
        expect(member.records).toHaveLength(34)
        expect(member.events.filter(({ type }) => type === 'revoked')).toEqual([])
        await member.consumer.commit([{ topic, partition: 1, offset: 10, metadata: 'm' }])
        expect(await member.consumer.committed([{ topic, partition: 1 }])).toMatchObject([
          { offset: 10, metadata: 'm' },
        ])
      } finally {
        await member.leave()
      }
    })

    onReal('tells of a position that retention has overtaken', async () => {
      const topic = await newTopic()
      for (const partition of PARTITIONS) await send(topic, partition, 10)
      await broker.admin?.deleteRecords({ topic, partition: 2 }, 6)
      const member = await join(topic, { start: () => 2 })
      try {
        await member.until('the report', () => member.outOfRange.length > 0)
        expect(member.outOfRange).toEqual([{ topic, partition: 2 }])
        expect(member.offsetsOf(2)).toEqual([])
        // The end of the log may lag for a moment behind what was acknowledged.
        await expect.poll(() => member.consumer.watermarks({ topic, partition: 2 })).toEqual({ low: 6, high: 10 })
        await member.consumer.seek({ topic, partition: 2, offset: 'earliest' })
        await member.until('the rest', () => member.offsetsOf(2).length === 4)
        expect(member.offsetsOf(2)).toEqual([6, 7, 8, 9])
        // And again, after it has been read from: a second report for a second gap.
        member.consumer.pause([{ topic, partition: 2 }])
        await send(topic, 2, 10)
        await broker.admin?.deleteRecords({ topic, partition: 2 }, 15)
        member.consumer.resume([{ topic, partition: 2 }])
        await member.until('the second report', () => member.outOfRange.length === 2)
      } finally {
        await member.leave()
      }
    })

    onReal('tells of a committed position in a topic that was made anew', async () => {
      const topic = await newTopic()
      await send(topic, 0, 10)
      const before = await join(topic)
      await before.until('the records', () => before.records.length === 10)
      expect(await before.consumer.commit([{ topic, partition: 0, offset: 10, metadata: 'old' }])).toMatchObject([
        { error: null },
      ])
      await before.leave()
      await broker.admin?.deleteTopic(topic)
      await broker.createTopic(topic)
      const member = await join(topic, { start: () => 10 })
      try {
        await member.until('a report for each partition', () => member.outOfRange.length === 4)
        const fresh = driver.producer(broker.client, PLAIN)
        await fresh.connect()
        await fresh.send(record(topic, { partition: 0, value: Buffer.from('new') }))
        await fresh.close()
        await member.consumer.seek({ topic, partition: 0, offset: 'earliest' })
        await member.until('the new record', () => member.records.length === 1)
        expect(text(member.records[0])).toBe('new')
      } finally {
        await member.leave()
      }
    })

    test('describes topics without making them', async () => {
      const [topic, missing] = [await newTopic(), `missing-${randomUUID()}`]
      const consumer = await join(topic)
      try {
        for (const client of [producer, consumer.consumer]) {
          for (const _ of [1, 2]) {
            expect(await client.describe([topic, missing])).toEqual(
              new Map([
                [topic, 4],
                [missing, null],
              ]),
            )
          }
        }
      } finally {
        await consumer.leave()
      }
    })

    test('holds back what the queue cannot take, and answers every record in order', async () => {
      const topic = await newTopic()
      const count = 45_000
      const value = Buffer.from('x')
      const placed = await Promise.all(
        Array.from({ length: count }, () => producer.send(record(topic, { partition: 1, value }))),
      )
      expect(placed.every(({ offset }, at) => offset === at)).toBe(true)
    })

    test('answers each record of many with one promise, also past a full queue and for one that is too large', async () => {
      const topic = await newTopic()
      const small = driver.producer(broker.client, { ...PLAIN, maxMessageBytes: 2_000 })
      await small.connect()
      const good = Array.from({ length: 25_000 }, (_, at) =>
        record(topic, { partition: 2, value: Buffer.from(`${at}`) }),
      )
      const bad = record(topic, { partition: 2, value: Buffer.alloc(3_000) })
      const sent = small.sendAll?.([...good, bad, ...good.slice(0, 3)])
      const answers = await sent
      expect(answers?.map((error) => error === null)).toEqual([...good.map(() => true), false, true, true, true])
      expect(answers?.[good.length]).toMatchObject({ code: 'ERR_MSG_SIZE_TOO_LARGE' })
      const { offset } = await small.send(record(topic, { partition: 2 }))
      expect(offset).toBe(good.length + 3)
      await small.close()
      const after = await small.sendAll?.([bad, bad])
      expect(after?.map((error) => error && 'code' in error && error.code)).toEqual(['ERR__STATE', 'ERR__STATE'])
      expect(await small.sendAll?.([])).toEqual([])
    })

    test('flushes what lingers', async () => {
      const topic = await newTopic()
      const slow = driver.producer(broker.client, { lingerMs: 20_000, compression: 'lz4' })
      await slow.connect()
      try {
        let acknowledged = 0
        const sent = PARTITIONS.map((partition) =>
          slow.send(record(topic, { partition })).then(() => {
            acknowledged += 1
          }),
        )
        await slow.flush(15_000)
        expect(acknowledged).toBe(4)
        await Promise.all(sent)
        await slow.flush(15_000)
      } finally {
        await slow.close()
      }
    })

    test('refuses a record that is too large, once and for all', async () => {
      const topic = await newTopic()
      const small = driver.producer(broker.client, { ...PLAIN, maxMessageBytes: 2_000 })
      await small.connect()
      try {
        const tooLarge = small.send(record(topic, { value: Buffer.alloc(3_000) }))
        await expect(tooLarge).rejects.toMatchObject({ code: 'ERR_MSG_SIZE_TOO_LARGE', errno: 10, retriable: false })
        await expect(tooLarge).rejects.toThrow(topic)
        await expect(small.send(record(topic, { value: Buffer.alloc(1_000) }))).resolves.toMatchObject({ topic })
      } finally {
        await small.close()
      }
    })

    onReal('acknowledges only what is in the log, in order, also in a topic that was just made', async () => {
      for (let round = 0; round < 25; round += 1) {
        const topic = await newTopic()
        const placed = await Promise.all(
          PARTITIONS.flatMap((partition) =>
            Array.from({ length: 10 }, () => producer.send(record(topic, { partition, value: Buffer.from('x') }))),
          ),
        )
        expect(placed.map(({ offset }) => offset)).toEqual(PARTITIONS.flatMap(() => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
      }
    })

    onReal('carries 10 MB where the topic takes it', async () => {
      const large = await newTopic({ 'max.message.bytes': '12000000' })
      const usual = await newTopic()
      const wide = driver.producer(broker.client, { ...PLAIN, maxMessageBytes: 12_000_000 })
      await wide.connect()
      const member = await join(large)
      try {
        const value = Buffer.alloc(10_000_000, 'abcdefg')
        await wide.send(record(large, { partition: 0, value }))
        await member.until('the record', () => member.records.length === 1)
        expect(member.records[0]?.value?.equals(value)).toBe(true)
        await expect(wide.send(record(usual, { value }))).rejects.toMatchObject({ code: 'ERR_MSG_SIZE_TOO_LARGE' })
      } finally {
        await Promise.all([wide.close(), member.leave()])
      }
    })

    onReal('rejects a record for a topic that does not exist', async () => {
      await expect(producer.send(record(`missing-${randomUUID()}`))).rejects.toMatchObject({
        code: expect.stringMatching(/UNKNOWN_TOPIC/),
      })
    })

    test('rejects where no broker answers, and names the brokers', async () => {
      const client = { ...broker.client, 'bootstrap.servers': '127.0.0.1:1,127.0.0.1:2' }
      const consumer = driver.consumer(client, { groupId: 'g', topics: ['t'], ...broker.timing })
      const listener = { assigned: async () => [], revoked: async () => undefined }
      const events = { error: () => undefined, outOfRange: () => undefined }
      const unreachable = { code: 'BROKER_UNREACHABLE', message: expect.stringContaining('127.0.0.1:1,127.0.0.1:2') }
      const lonely = driver.producer(client, PLAIN)
      await Promise.all([
        expect(consumer.connect(listener, events)).rejects.toMatchObject(unreachable),
        expect(lonely.connect()).rejects.toMatchObject(unreachable),
      ])
      await Promise.all([consumer.close(), consumer.close(), lonely.close()])
      await expect(lonely.send(record('t'))).rejects.toMatchObject({ code: 'ERR__STATE' })
      await expect(consumer.poll(1, 1)).rejects.toMatchObject({ code: 'ERR__STATE' })
    })

    test('closes in the middle of anything, twice, and lets the next member go on', async () => {
      const topic = await newTopic()
      await send(topic, 0, 3)
      const never = await join(topic, { beforeStart: () => new Promise(() => undefined) })
      await never.until('some polls', () => never.polls > 3)
      await Promise.all([never.leave(), never.consumer.close()])
      await never.consumer.close()
      await expect(never.consumer.poll(1, 1)).rejects.toMatchObject({ code: 'ERR__STATE' })
      await expect(never.consumer.commit([{ topic, partition: 0, offset: 1, metadata: '' }])).rejects.toMatchObject({
        code: 'ERR__STATE',
      })
      expect(() => never.consumer.pause([{ topic, partition: 0 }])).toThrow('closed')
      const next = await join(topic)
      await next.until('the records', () => next.records.length === 3)
      const polling = next.consumer.poll(1, 100)
      await next.leave()
      await polling
      const own = driver.producer(broker.client, { lingerMs: 10_000, compression: 'none' })
      await own.connect()
      const [last] = await Promise.all([own.send(record(topic, { partition: 0 })), own.close(), own.close()])
      expect(last).toMatchObject({ offset: 3 })
      await expect(own.send(record(topic))).rejects.toMatchObject({ code: 'ERR__STATE' })
    })

    onReal('ends the older of two members with one instance name', async () => {
      const topic = await newTopic()
      await send(topic, 0, 3)
      const older = await join(topic, { group: { groupInstanceId: 'worker-1' } })
      await older.until('the records', () => older.records.length === 3)
      const newer = await join(topic, { group: { groupInstanceId: 'worker-1' } })
      try {
        await older.until('the fatal error', () => older.errors.some(({ fatal }) => fatal))
        expect(older.errors.filter(({ fatal }) => fatal)).toHaveLength(1)
        expect(older.errors.find(({ fatal }) => fatal)?.message).toMatch(/fenced.*group\.instance\.id/i)
        await newer.until('the records', () => newer.records.length === 3)
      } finally {
        await Promise.all([older.leave(), newer.leave()])
      }
    })

    test('refuses settings that carry a guarantee, and names those that the client does not know', () => {
      const build = (extra: ClientProperties): unknown =>
        driver.consumer({ ...broker.client, ...extra }, { groupId: 'g', topics: ['t'], ...broker.timing })
      expect(() => build({ 'enable.auto.commit': true })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('enable.auto.commit') }),
      )
      expect(() => build({ 'no.such.thing': 1 })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('no.such.thing') }),
      )
      expect(() => driver.producer({ ...broker.client, acks: 1 }, PLAIN)).toThrow(/acks/)
    })
  })
}

function record(topic: string, fields: Partial<ProducerRecord> = {}): ProducerRecord {
  return { topic, key: null, value: Buffer.from('v'), headers: [], ...fields }
}

function text(message: RawMessage | undefined): string | undefined {
  return message?.value?.toString()
}
