import { expect, test } from 'vitest'
import { virtualClock } from '../../../../testing/virtual-clock.ts'
import type { RdConsumer, RdPosition } from './client-types.ts'
import { Commits, requestsToSend } from './commits.ts'

const request = (partition: number, offset: number, metadata = '') => ({ topic: 't', partition, offset, metadata })

/** The client's side of a commit: what it was given, and its event. */
function fakeClient() {
  const sent: (readonly RdPosition[])[] = []
  let answer: (error: { message: string; code: number } | undefined, positions: readonly RdPosition[]) => void = () => {
    throw new Error('nobody listens')
  }
  const client = {
    on: (_: string, listener: typeof answer) => {
      answer = listener
    },
    commit: (positions: readonly RdPosition[]) => {
      sent.push(positions)
    },
  } as unknown as RdConsumer
  return { client, sent, answer: (...of: Parameters<typeof answer>) => answer(...of) }
}

test('one request a topic, and one for each long string, as errors are told per request', () => {
  const long = 'x'.repeat(600)
  const groups = requestsToSend([request(0, 1), { ...request(0, 1), topic: 'u' }, request(1, 1, long), request(2, 1)])
  expect(groups.map((group) => group.map(({ topic, partition }) => `${topic}${partition}`))).toEqual([
    ['t0', 't2'],
    ['u0'],
    ['t1'],
  ])
})

test('an answer counts for the offsets that it names, and a late one never for a later commit', async () => {
  const clock = virtualClock()
  const { client, sent, answer } = fakeClient()
  const commits = new Commits(client, clock, 1_000)
  const first = commits.commit([request(0, 5)])
  const failed = expect(first).rejects.toMatchObject({ code: 'ERR__TIMED_OUT', retriable: true })
  await clock.run(1_000)
  await failed

  const again = commits.commit([request(0, 5, 'newer')])
  await clock.run(1)
  expect(sent).toHaveLength(2)
  answer(undefined, [{ topic: 't', partition: 0, offset: 4 }])
  answer({ message: 'x', code: 25 }, [{ topic: 't', partition: 0, offset: 5 }])
  answer(undefined, [{ topic: 't', partition: 0, offset: 5 }])
  expect(await again).toEqual([{ topic: 't', partition: 0, offset: 5, error: null }])
})

test('commits wait for each other, and closing answers those that wait', async () => {
  const { client, sent, answer } = fakeClient()
  const commits = new Commits(client, virtualClock(), 1_000)
  const first = commits.commit([request(0, 1)])
  const second = commits.commit([request(0, 2)])
  await Promise.resolve()
  await Promise.resolve()
  expect(sent).toHaveLength(1)
  answer({ message: 'x', code: 22 }, [{ topic: 't', partition: 0, offset: 1 }])
  expect((await first)[0]?.error).toMatchObject({ code: 'ERR_ILLEGAL_GENERATION', retriable: false })
  const closed = expect(second).rejects.toMatchObject({ code: 'ERR__STATE' })
  while (sent.length < 2) await Promise.resolve()
  commits.abandon()
  await closed
})
