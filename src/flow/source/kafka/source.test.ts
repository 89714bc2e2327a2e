import { describe, expect, it } from 'vitest'
import { p0, p1, record, refusal } from '../../../../test/support/fake-consumer.ts'
import { World } from '../../../../test/support/source-world.ts'
import { DrakkarError } from '../../../model/index.ts'

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
