import { describe, expect, it } from 'vitest'
import { task } from '../../src/handler/index.ts'
import { flowBench, outcome, record } from './harness.ts'

const maxDead = { share: 0.2, windowMs: 60_000, least: 5 }
const handler = { arrange: (messages: readonly never[]) => messages.map((message) => task(message)) }
/** Messages whose value says `bad` die at once. */
const program = (each: { readonly messages: readonly { readonly payload: unknown }[] }) =>
  outcome((each.messages[0]?.payload as { bad?: boolean } | undefined)?.bad === true ? 'exit' : 'ok')

const bench = () => flowBench({ handler, program: (each) => program(each), options: { maxDead, maxRetries: 0 } })
const bad = (offset: number) => record(offset, { bad: true })

describe('the dead-letter fuse', () => {
  it('blows with the letter that is one too many: partitions are held, what is in flight ends, and it closes by itself', async () => {
    const world = bench()
    world.feed(...Array.from({ length: 16 }, (_, offset) => record(offset)), bad(16), bad(17), bad(18), bad(19))
    await world.clock.run(10)
    expect([world.ends.size, world.holds.all()]).toEqual([20, []])
    world.feed(bad(20), record(21), bad(22))
    await world.clock.run(10)
    expect(world.ends.size).toBe(23)
    expect(world.pauses).toEqual(new Set(['held:dead-letter fuse']))
    const [held] = world.holds.of(world.assignment)
    expect(held?.reason).toBe('dead-letter fuse')
    expect(held?.detail).toMatch(/^5 of 2\d messages of the last 60 s ended as dead letters.*\(20 %\)/)
    // A partition that comes meanwhile is held too.
    const other = { topic: 'jobs', partition: 1, epoch: 2, owner: 1 }
    world.flow.assigned([other])
    expect(world.holds.of(other)).toHaveLength(1)
    await world.clock.run(59_000)
    expect(world.holds.all()).toHaveLength(2)
    await world.clock.run(1_000)
    expect([world.holds.all(), [...world.pauses]]).toEqual([[], []])
    // It counts anew: four are not too many.
    world.feed(bad(23), bad(24), bad(25), bad(26))
    await world.clock.run(10)
    expect(world.holds.all()).toEqual([])
    world.feed(bad(27))
    await world.clock.run(10)
    expect(world.holds.all()).toHaveLength(2)
  })

  it('does not blow for dead letters that are few among many, or far apart', async () => {
    const world = bench()
    for (let round = 0; round < 20; round += 1) {
      const first = round * 5
      world.feed(...[0, 1, 2, 3].map((at) => record(first + at)), bad(first + 4))
      await world.clock.run(1_000)
    }
    expect([world.ends.size, world.holds.all()]).toEqual([100, []])
    const apart = bench()
    for (let offset = 0; offset < 20; offset += 1) {
      apart.feed(bad(offset))
      await apart.clock.run(16_000)
    }
    expect([apart.ends.size, apart.holds.all()]).toEqual([20, []])
  })

  it('without the setting there is no fuse; a worker that stops has no timer of it left', async () => {
    const without = flowBench({ handler, program: (each) => program(each), options: { maxRetries: 0 } })
    without.feed(...Array.from({ length: 50 }, (_, offset) => bad(offset)))
    await without.clock.run(10)
    expect([without.ends.size, without.holds.all()]).toEqual([50, []])
    const stopped = bench()
    stopped.feed(...Array.from({ length: 5 }, (_, offset) => bad(offset)))
    await stopped.clock.run(10)
    expect(stopped.holds.all()).toHaveLength(1)
    const drained = stopped.flow.drain(stopped.clock.monotonic() + 1_000)
    await stopped.clock.run(10)
    expect(await drained).toBe(true)
    expect(stopped.clock.scheduled).toBe(0)
  })
})
