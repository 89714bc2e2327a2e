import { expect, test } from 'vitest'
import {
  ScriptedCluster,
  type ScriptedTransactions,
  transactionError,
} from '../../../../../test/contract/scripted-transactions.ts'
import type { Hold, WorkerEvent } from '../../../../model/index.ts'
import { virtualClock } from '../../../../testing/index.ts'
import { Ledger } from '../../../ledger/index.ts'
import { Committer } from '../committer.ts'
import { DriverError } from '../driver.ts'
import { Partition } from '../partition.ts'
import type { StagedOutput } from './staged.ts'
import { Transactor } from './transactor.ts'

/** A transactor with the committer that drives it, over partitions whose messages a test fetches and ends. */
function world(of: { readonly partitions?: number; readonly budget?: number; readonly maxStagedBytes?: number } = {}) {
  const clock = virtualClock()
  const cluster = new ScriptedCluster()
  const events: WorkerEvent[] = []
  const held: Hold[] = []
  const full: boolean[] = []
  const holds = {
    place: (_: unknown, hold: Hold) => {
      held.push(hold)
      return () => void held.splice(held.indexOf(hold), 1)
    },
  }
  const announce = (event: WorkerEvent): void => void events.push(event)
  const random = (): number => 0
  const transactor = new Transactor({
    make: () => cluster.make(),
    transactionalId: 'test',
    maxMessageBytes: 1000,
    ...(of.maxStagedBytes === undefined ? {} : { maxStagedBytes: of.maxStagedBytes }),
    clock,
    random,
    announce,
    holds,
  })
  const partitions = Array.from({ length: of.partitions ?? 1 }, (_, partition) => {
    const assignment = { topic: 'jobs', partition, epoch: partition + 1, owner: 1 }
    return new Partition({ assignment, ledger: new Ledger(0), resolved: true, metadataBudget: of.budget ?? 3000 })
  })
  const committer = new Committer({
    consumer: cluster.consumer,
    transactor,
    partitions: () => partitions.filter((partition) => partition.alive),
    clock,
    random,
    announce,
    every: 1000,
    ageMs: 100,
    claimed: () => undefined,
    overdue: () => undefined,
    filled: () => undefined,
    taken: () => undefined,
    failed: () => undefined,
  })
  transactor.serve({
    consumer: cluster.consumer,
    committer,
    valve: { pause: () => void full.push(true), resume: () => void full.push(false) },
    registry: { values: () => partitions },
  })
  const at = (index: number): Partition => partitions[index] as Partition
  return {
    clock,
    cluster,
    events,
    held,
    full,
    transactor,
    committer,
    at,
    /** Takes the id and claims the partitions. */
    start: async () => {
      await transactor.connect()
      committer.commitSoon()
      await clock.run(200)
    },
    fetch: (count: number, partition = 0) => {
      for (let offset = 0; offset < count; offset += 1) at(partition).ledger.fetched(offset)
    },
    /** Stages one output for these messages; answers what the sink is told. */
    stage: async (
      value: string,
      offsets: readonly number[],
      more: Partial<StagedOutput> & { partition?: number } = {},
    ) => {
      const { partition = 0, ...rest } = more
      const record = { topic: 'out', key: null, value: Buffer.from(value), headers: [] }
      const output = { id: value, token: {}, assignment: at(partition).assignment, offsets, record, ...rest }
      return (await transactor.stage([output]))[0]
    },
    end: (offsets: readonly number[], partition = 0) => {
      for (const offset of offsets) {
        at(partition).ledger.settle(offset)
        committer.ended(1)
      }
    },
    position: (partition = 0) => cluster.committed.get(`jobs:${partition}`)?.offset,
    ended: () => events.filter((event) => event.type === 'transaction_ended'),
  }
}

test('outputs become visible with the end of their messages, in one transaction, and the claim needs none', async () => {
  const { start, fetch, stage, end, clock, cluster, position, ended } = world({ partitions: 2 })
  await start()
  expect([cluster.plain, cluster.calls]).toEqual([1, ['connect']])
  fetch(3)
  fetch(2, 1)
  await stage('a0', [0])
  await stage('a1', [1])
  await stage('b0', [0], { partition: 1 })
  end([0])
  end([0], 1)
  await clock.run(500)
  expect(cluster.visible.toSorted()).toEqual(['a0', 'b0'])
  expect([position(0), position(1)]).toEqual([1, 1])
  expect(ended()).toMatchObject([{ committed: true, partitions: 2, records: 2, error: null }])
  end([1])
  await clock.run(500)
  expect(cluster.visible).toEqual(['a0', 'b0', 'a1'])
  // A message without outputs needs no transaction.
  end([2])
  await clock.run(500)
  expect([position(0), cluster.plain, ended().length]).toEqual([3, 2, 2])
})

test('a group of messages is told whole, also when the commit goes out in the middle of their ends', async () => {
  const { start, fetch, stage, clock, cluster, position, at, committer, end } = world()
  await start()
  fetch(4)
  await stage('group', [0, 2])
  end([0, 1])
  committer.commitSoon()
  await clock.run(500)
  expect([cluster.visible, position()]).toEqual([[], 0])
  expect(cluster.committed.get('jobs:0')?.metadata).not.toBe('')
  end([2])
  await clock.run(500)
  expect([cluster.visible, position()]).toEqual([['group'], 3])
  expect(at(0).ledger.committed).toBe(3)
})

test('an aborted transaction keeps its outputs, and the next one has them once', async () => {
  const { start, fetch, stage, end, clock, cluster, position, events } = world()
  await start()
  fetch(1)
  let failures = 0
  cluster.script = (call) => (call === 'offsets' && failures++ < 2 ? transactionError('abortable') : null)
  await stage('a', [0])
  end([0])
  await clock.run(5000)
  expect([cluster.visible, position(), failures]).toEqual([['a'], 1, 3])
  expect(cluster.calls.filter((call) => call === 'abort').length).toBe(2)
  expect(events.filter((event) => event.type === 'commit_failed').length).toBe(2)
  expect(cluster.producers.length).toBe(1)
})

test('a commit without an answer is asked for again until the client knows', async () => {
  const { start, fetch, stage, end, clock, cluster } = world()
  await start()
  fetch(1)
  let asked = 0
  cluster.script = (call) => (call === 'commit' && asked++ < 5 ? transactionError('retriable') : null)
  await stage('a', [0])
  end([0])
  await clock.run(20_000)
  expect([cluster.visible, asked]).toEqual([['a'], 6])
  expect(cluster.calls.filter((call) => call === 'begin').length).toBe(1)
})

test.each([
  ['was committed', true],
  ['was aborted', false],
])('where nobody can say whether a transaction was committed the group is asked: it %s', async (_, took) => {
  const { start, fetch, stage, end, clock, cluster, position, ended } = world()
  await start()
  fetch(1)
  let once = true
  cluster.script = (call) => {
    if (call !== 'commit' || !once) return null
    once = false
    if (took) (cluster.producers[0] as ScriptedTransactions).takeEffect()
    return transactionError('fatal', -144)
  }
  await stage('a', [0])
  end([0])
  await clock.run(20_000)
  expect([cluster.visible, position()]).toEqual([['a'], 1])
  expect(cluster.producers.length).toBe(2)
  expect(cluster.producers[0]?.closed).toBe(true)
  // Only when the new producer has settled what the old one left open does the group know.
  expect(cluster.calls.indexOf('committed')).toBeGreaterThan(cluster.calls.lastIndexOf('connect'))
  expect(ended().map(({ committed }) => committed)).toEqual(took ? [true] : [false, true])
})

test('a partition that is lost in the middle of a transaction: nothing of it is committed, and the others go again', async () => {
  const { start, fetch, stage, end, clock, cluster, position, at } = world({ partitions: 2 })
  await start()
  fetch(1)
  fetch(1, 1)
  cluster.script = (call) => {
    if (call === 'offsets') at(1).end()
    return null
  }
  await stage('a', [0])
  await stage('b', [0], { partition: 1 })
  end([0])
  end([0], 1)
  await clock.run(5000)
  expect([cluster.visible, position(0), position(1)]).toEqual([['a'], 1, 0])
  expect(await stage('late', [1], { partition: 1 })).toMatchObject({ code: 'ERR__ASSIGNMENT_LOST' })
})

test('a group that does not know us: its partitions wait, and the outputs with them', async () => {
  const { start, fetch, stage, end, clock, cluster, at } = world()
  await start()
  fetch(1)
  let once = true
  cluster.script = (call) => {
    if (call !== 'offsets' || !once) return null
    once = false
    return transactionError('abortable', 25)
  }
  await stage('a', [0])
  end([0])
  await clock.run(500)
  expect(at(0).suspendedUntil).toBeGreaterThan(clock.monotonic())
  expect(cluster.visible).toEqual([])
  await clock.run(2000)
  expect(cluster.visible).toEqual(['a'])
})

test('a map that is full: what it cannot name waits with its outputs, until what is below has ended', async () => {
  const { start, fetch, stage, end, clock, cluster, position, transactor, at } = world({ budget: 64 })
  await start()
  fetch(401)
  // Every second one ends: more ranges than the map has room for.
  const ends = Array.from({ length: 200 }, (_, n) => 2 * n + 1)
  for (const offset of ends) await stage(`o${offset}`, [offset])
  end(ends)
  await clock.run(1000)
  const told = cluster.visible.length
  expect(told).toBeGreaterThan(5)
  expect(told).toBeLessThan(100)
  expect(cluster.visible).toEqual(ends.slice(0, told).map((offset) => `o${offset}`))
  expect([position(), transactor.lacks(at(0)), transactor.owes(at(0))]).toEqual([0, true, false])
  end(Array.from({ length: 201 }, (_, n) => 2 * n))
  await clock.run(1000)
  expect(cluster.visible.toSorted()).toEqual(ends.map((offset) => `o${offset}`).toSorted())
  expect([position(), transactor.lacks(at(0))]).toEqual([401, false])
})

test('a message that dies takes back what was staged with it, and with its group', async () => {
  const { start, fetch, stage, end, clock, cluster, transactor, at } = world()
  await start()
  fetch(3)
  await stage('a', [0, 1])
  await stage('b', [2])
  transactor.discard(at(0).assignment, 1)
  await stage('letter 0', [0])
  await stage('letter 1', [1])
  end([0, 1, 2])
  await clock.run(500)
  expect(cluster.visible.toSorted()).toEqual(['b', 'letter 0', 'letter 1'])
})

test('what is too large for the client, or has no partition, is refused when it is staged', async () => {
  const { start, fetch, stage, transactor } = world()
  await start()
  fetch(1)
  await transactor.describe(['out'])
  expect(await stage('x'.repeat(965), [0])).toMatchObject({ code: 'ERR_MSG_SIZE_TOO_LARGE' })
  expect(await stage('x'.repeat(964), [0])).toBeNull()
  const record = { topic: 'out', partition: 2, key: null, value: null, headers: [] }
  expect(await stage('', [0], { record })).toMatchObject({ code: 'ERR__UNKNOWN_PARTITION' })
})

const tooLarge = new DriverError('too large', { code: 'ERR_MSG_SIZE_TOO_LARGE', errno: 10 })
/** The broker refuses a whole request for one of its records. */
function refusesWith(cluster: ScriptedCluster, bad: ReadonlySet<string>): void {
  let batch: string[] = []
  cluster.script = (call, records) => {
    if (call === 'offsets') batch = records.map(({ value }) => String(value))
    return call === 'commit' && batch.some((value) => bad.has(value)) ? transactionError('abortable', 10) : null
  }
  cluster.refuse = () => null
  // Answers are known only when all of the transaction is: the script sees the records first.
  const producers = cluster.producers
  for (const producer of producers) {
    const sendAll = producer.sendAll.bind(producer)
    producer.sendAll = async (records) => {
      await sendAll(records)
      return records.some(({ value }) => bad.has(String(value))) ? records.map(() => tooLarge) : records.map(() => null)
    }
  }
}

test('an output that the broker refuses is found out, and holds its partition and nobody else', async () => {
  const { start, fetch, stage, end, clock, cluster, position, held, events, transactor, at } = world({ partitions: 2 })
  await start()
  const bad = new Set(['a7'])
  refusesWith(cluster, bad)
  fetch(20)
  fetch(20, 1)
  const all = Array.from({ length: 20 }, (_, offset) => offset)
  for (const offset of all) {
    await stage(`a${offset}`, [offset])
    await stage(`b${offset}`, [offset], { partition: 1 })
  }
  end(all)
  end(all, 1)
  await clock.run(8000)
  expect(cluster.visible.length).toBe(39)
  expect([position(0), position(1)]).toEqual([7, 20])
  expect(held).toMatchObject([{ reason: 'transaction' }])
  expect(held[0]?.detail).toMatch(/^out does not take a7 \(38 bytes\), an output of jobs:0 offset 7: too large\. Raise/)
  expect(events.filter((event) => event.type === 'output_refused')).toMatchObject([{ id: 'a7', offset: 7, to: null }])
  expect(transactor.lacks(at(0))).toBe(true)
  bad.clear()
  await clock.run(15_000)
  expect([cluster.visible.length, position(0), held]).toEqual([40, 20, []])
})

test('an output that the broker refuses goes elsewhere, where there is such a place', async () => {
  const { start, fetch, stage, end, clock, cluster, position, held, events } = world()
  await start()
  refusesWith(cluster, new Set(['letter']))
  fetch(2)
  const token = {}
  await stage('letter', [0], { token, elsewhere: async () => '/dead-letters/0.json' })
  await stage('result', [1])
  end([0, 1])
  await clock.run(5000)
  expect([cluster.visible, position(), held]).toEqual([['result'], 2, []])
  expect(events.filter((event) => event.type === 'output_refused')).toMatchObject([{ to: '/dead-letters/0.json' }])
})

test('transactions that fail and fail hold their partitions until one succeeds', async () => {
  const { start, fetch, stage, end, clock, cluster, held } = world()
  await start()
  fetch(1)
  let away = true
  cluster.script = (call) => (call === 'begin' && away ? transactionError('retriable') : null)
  await stage('a', [0])
  end([0])
  await clock.run(5000)
  expect(held).toMatchObject([{ reason: 'transaction' }])
  expect(held[0]?.detail).toContain('cannot be committed: scripted: retriable')
  away = false
  await clock.run(10_000)
  expect([cluster.visible, held]).toEqual([['a'], []])
})

test('the hold of transactions that fail goes with its partition, and is not placed for one that is gone', async () => {
  const { start, fetch, stage, end, clock, cluster, held, at } = world({ partitions: 2 })
  await start()
  let begun = 0
  cluster.script = (call) => {
    if (call !== 'begin') return null
    begun += 1
    if (begun === 4) at(1).end()
    return transactionError('retriable')
  }
  for (const partition of [0, 1]) {
    fetch(1, partition)
    await stage(`${partition}`, [0], { partition })
    end([0], partition)
  }
  await clock.run(5000)
  expect([begun >= 4, held.length]).toEqual([true, 1])
  at(0).end()
  expect(held).toEqual([])
})

test('too much that waits pauses the intake, and half of it lets it flow again', async () => {
  const { start, fetch, stage, end, clock, full } = world({ maxStagedBytes: 1000 })
  await start()
  fetch(4)
  await stage('x'.repeat(400), [0])
  await stage('x'.repeat(400), [1])
  expect(full).toEqual([])
  await stage('x'.repeat(400), [2])
  expect(full).toEqual([true])
  end([0, 1])
  await clock.run(500)
  expect(full).toEqual([true, false])
})

test('the same output staged again, for want of an answer, is sent once', async () => {
  const { start, fetch, stage, end, clock, cluster } = world()
  await start()
  fetch(1)
  const token = {}
  await stage('a', [0], { token })
  await stage('a', [0], { token })
  // Another output may have the same id: handlers choose them.
  await stage('a', [0])
  end([0])
  await clock.run(500)
  expect(cluster.visible).toEqual(['a', 'a'])
})

test('the last user that closes closes the producer, and a commit under way ends', async () => {
  const { start, fetch, stage, end, clock, cluster, transactor } = world()
  await transactor.connect()
  await start()
  fetch(1)
  cluster.script = (call) => (call === 'commit' ? transactionError('retriable') : null)
  await stage('a', [0])
  end([0])
  await clock.run(1000)
  await transactor.close()
  expect(cluster.producers[0]?.closed).toBe(false)
  await transactor.close()
  await clock.run(1000)
  expect([cluster.producers[0]?.closed, cluster.visible]).toEqual([true, []])
})
