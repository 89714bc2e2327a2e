import { expect, test } from 'vitest'
import { Nudge } from './nudge.ts'
import { Running } from './running.ts'

const at = (partition: number): { topic: string; partition: number } => ({ topic: 'jobs', partition })

function world(): { nudge: Nudge; running: Running; asked: number[][]; answers: (() => void)[] } {
  const asked: number[][] = []
  const answers: (() => void)[] = []
  const running = new Running()
  const client = {
    offsetsForTimes(partitions: readonly { partition: number }[], _timeoutMs: number, done: (error: null) => void) {
      asked.push(partitions.map(({ partition }) => partition))
      if (asked.length === 2) throw new Error('not connected')
      answers.push(() => done(null))
    },
  }
  return { nudge: new Nudge(client, running), running, asked, answers }
}

/** Everything that only waits for other promises has happened then. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('one request for all that were resumed in a turn; what is resumed meanwhile goes with the next', async () => {
  const { nudge, asked, answers } = world()
  nudge.resumed([at(0)])
  nudge.resumed([at(1), at(0)])
  expect(asked).toEqual([])
  await settled()
  expect(asked).toEqual([[0, 1]])
  nudge.resumed([at(2)])
  nudge.resumed([at(3)])
  await settled()
  expect(asked).toHaveLength(1)
  answers[0]?.()
  await settled()
  expect(asked).toEqual([
    [0, 1],
    [2, 3],
  ])
})

test('a client that throws is asked again the next time, and never once it is left', async () => {
  const { nudge, running, asked, answers } = world()
  nudge.resumed([at(0)])
  await settled()
  answers[0]?.()
  await settled()
  nudge.resumed([at(1)])
  await settled()
  nudge.resumed([at(2)])
  await settled()
  expect(asked).toEqual([[0], [1], [2]])
  nudge.resumed([at(3)])
  nudge.stop()
  const left = running.ended()
  answers[1]?.()
  await left
  await settled()
  nudge.resumed([at(4)])
  await settled()
  expect(asked).toHaveLength(3)
})
