import { describe, expect, it } from 'vitest'
import { p0, p1, record, refusal } from '../../../../test/support/fake-consumer.ts'
import { World } from '../../../../test/support/source-world.ts'
import { deferred } from '../../../lib/index.ts'

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
