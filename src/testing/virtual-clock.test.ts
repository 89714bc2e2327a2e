import { describe, expect, test } from 'vitest'
import { sleep } from '../lib/index.ts'
import { StuckError, virtualClock } from './virtual-clock.ts'

describe('virtualClock', () => {
  test('fires timers in time order, those of one time in the order they were set', async () => {
    const clock = virtualClock()
    const fired: string[] = []
    clock.timer(20, () => fired.push('c'))
    clock.timer(10, () => fired.push('a'))
    clock.timer(10, () => fired.push('b'))
    await clock.run(20)
    expect(fired).toEqual(['a', 'b', 'c'])
  })

  test('stands still by itself and moves exactly as far as it is told', async () => {
    const clock = virtualClock(1_000)
    await clock.run(250)
    expect([clock.monotonic(), clock.now()]).toEqual([250, 1_250])
  })

  test('drains chains of promises of any length before the next timer', async () => {
    const clock = virtualClock()
    const seen: string[] = []
    clock.timer(1, () => {
      void (async () => {
        for (let step = 0; step < 5_000; step += 1) await Promise.resolve()
        seen.push('chain')
      })()
    })
    clock.timer(1, () => seen.push('timer'))
    await clock.run(1)
    expect(seen).toEqual(['chain', 'timer'])
  })

  test('a timer set by a timer for the same moment comes after those already set', async () => {
    const clock = virtualClock()
    const fired: number[] = []
    clock.timer(5, () => {
      fired.push(1)
      clock.timer(0, () => fired.push(3))
    })
    clock.timer(5, () => fired.push(2))
    await clock.run(5)
    expect(fired).toEqual([1, 2, 3])
  })

  test('a cancelled timer does not fire and does not count as scheduled', async () => {
    const clock = virtualClock()
    let fired = false
    const timer = clock.timer(1, () => {
      fired = true
    })
    timer.cancel()
    timer.cancel()
    expect(clock.scheduled).toBe(0)
    await clock.runUntilIdle()
    expect(fired).toBe(false)
    expect(clock.monotonic()).toBe(0)
  })

  test('runUntil answers, passes a rejection on, and notices a world that stands still', async () => {
    const clock = virtualClock()
    expect(await clock.runUntil(sleep(clock, 50).then(() => 'awake'))).toBe('awake')
    expect(clock.monotonic()).toBe(50)
    const failing = sleep(clock, 1).then(() => Promise.reject(new Error('no')))
    await expect(clock.runUntil(failing)).rejects.toThrow('no')
    await expect(clock.runUntil(new Promise(() => undefined))).rejects.toThrow(StuckError)
  })

  test('runUntil and runUntilIdle do not run for ever', async () => {
    const clock = virtualClock()
    const repeat = (): void => {
      clock.timer(10, repeat)
    }
    repeat()
    await expect(clock.runUntilIdle(100)).rejects.toThrow('does not come to rest')
    await expect(clock.runUntil(new Promise(() => undefined), 100)).rejects.toThrow('within 100 ms')
  })

  test('a branch that is cut off never fires again, the others go on', async () => {
    const clock = virtualClock()
    const fired: string[] = []
    const lost = clock.branch()
    const kept = clock.branch()
    lost.timer(5, () => fired.push('lost'))
    kept.timer(5, () => fired.push('kept'))
    lost.cut()
    lost.timer(1, () => fired.push('after'))
    await clock.runUntilIdle()
    expect(fired).toEqual(['kept'])
    expect([lost.alive, kept.alive]).toEqual([false, true])
  })
})
