import { describe, expect, it } from 'vitest'
import { p0, p1, record, records } from '../../../../test/support/fake-consumer.ts'
import { World } from '../../../../test/support/source-world.ts'
import { deferred } from '../../../lib/index.ts'
import type { CommitAnswer } from './driver.ts'

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
