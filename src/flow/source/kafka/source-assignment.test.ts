import { describe, expect, it } from 'vitest'
import { p0, p1, records, refusal } from '../../../../test/support/fake-consumer.ts'
import { World } from '../../../../test/support/source-world.ts'
import { deferred } from '../../../lib/index.ts'
import type { FinishedMap } from '../../ledger/index.ts'
import type { CommittedPosition } from './driver.ts'

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
