import { expect, test } from 'vitest'
import { systemClock } from './clock.ts'

test('no timer is early by the clock that deadlines are read from', async () => {
  const early: number[] = []
  const timers = Array.from({ length: 300 }, (_, n) => {
    const ms = 5 + (n % 4)
    const begun = systemClock.monotonic()
    // Node counts whole milliseconds: at which part of one a timer is set decides how early it would be.
    while (systemClock.monotonic() - begun < 0.13);
    return new Promise<void>((resolve) => {
      const since = systemClock.monotonic()
      systemClock.timer(ms, () => {
        const passed = systemClock.monotonic() - since
        if (passed < ms) early.push(ms - passed)
        resolve()
      })
    })
  })
  await Promise.all(timers)
  expect(early).toEqual([])
})

test('a timer that was cancelled never fires, also where it was early', async () => {
  const fired: number[] = []
  const timers = Array.from({ length: 100 }, (_, n) => systemClock.timer(5, () => fired.push(n)))
  await new Promise<void>((resolve) => {
    systemClock.timer(4, () => {
      for (const timer of timers) timer.cancel()
      resolve()
    })
  })
  await new Promise<void>((resolve) => void systemClock.timer(10, resolve))
  expect(fired).toEqual([])
})

test('a timer for longer than Node can count waits all the same', async () => {
  const fired: string[] = []
  const timers = [2 ** 31, Number.POSITIVE_INFINITY].map((ms) => systemClock.timer(ms, () => fired.push(String(ms))))
  await new Promise<void>((resolve) => void systemClock.timer(20, resolve))
  for (const timer of timers) timer.cancel()
  expect(fired).toEqual([])
})
