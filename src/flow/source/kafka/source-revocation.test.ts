import { describe, expect, it } from 'vitest'
import { delivered, p0, p1, refusal } from '../../../../test/support/fake-consumer.ts'
import { World } from '../../../../test/support/source-world.ts'
import { deferred } from '../../../lib/index.ts'
import { DriverError } from './driver.ts'

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
