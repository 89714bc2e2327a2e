import { expect, it } from 'vitest'
import { unlessAborted } from './unless-aborted.ts'

it('answers as the promise does while nobody aborts, and leaves no listener', async () => {
  const { signal } = new AbortController()
  await expect(unlessAborted(Promise.resolve(7), signal)).resolves.toBe(7)
  await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
})

it('rejects with the reason when the signal aborts, before and while it waits', async () => {
  const stop = new AbortController()
  const waiting = unlessAborted(new Promise(() => undefined), stop.signal)
  stop.abort('enough')
  await expect(waiting).rejects.toBe('enough')
  await expect(unlessAborted(new Promise(() => undefined), stop.signal)).rejects.toBe('enough')
})

it('takes care of a rejection that comes too late', async () => {
  const late = Promise.withResolvers<never>()
  await expect(unlessAborted(late.promise, AbortSignal.abort('enough'))).rejects.toBe('enough')
  // Unhandled, this would fail the run of the tests.
  late.reject(new Error('too late'))
})
