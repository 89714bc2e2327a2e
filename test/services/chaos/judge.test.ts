import { expect, test } from 'vitest'
import { type Facts, judge } from './judge.ts'

const result = (id: string, offset: number): Facts['results'][number] => ({
  id,
  partition: 0,
  offset,
  sum: `sum-${id}`,
  recordId: `in:0:${offset}:0/kafka:out/0`,
})
const line = (id: string, offset: number): Facts['lines'][number] => ({ ...result(id, offset), recordId: null })
const run = (id: string, worker: number, started: number, ended: number | null): Facts['runs'][number] => ({
  id,
  worker,
  pid: 100,
  started,
  ended,
})

/** Four messages; worker 1 was killed at 5,000 with `b` running and `a` just done, so worker 2 ran both again. */
const GOOD: Facts = {
  jobs: [
    { id: 'a', partition: 0, offset: 0, expected: 'result', sum: 'sum-a' },
    { id: 'b', partition: 0, offset: 1, expected: 'result', sum: 'sum-b' },
    { id: 'c', partition: 0, offset: 2, expected: 'unreadable', sum: 'sum-c' },
    { id: 'd', partition: 0, offset: 3, expected: 'failing', sum: 'sum-d' },
    { id: 'e', partition: 0, offset: 4, expected: 'result', sum: 'sum-e' },
  ],
  results: [result('a', 0), result('a', 0), result('b', 1), result('e', 4)],
  lines: [line('a', 0), line('b', 1), line('e', 4)],
  letters: [
    { partition: 0, offset: 2, sum: 'sum-c' },
    { partition: 0, offset: 3, sum: 'sum-d' },
  ],
  runs: [
    run('e', 1, 100, 200),
    run('a', 1, 4_000, 4_900),
    run('b', 1, 4_000, null),
    run('a', 2, 11_000, 11_100),
    run('b', 2, 11_000, 11_100),
    run('d', 2, 11_000, 11_100),
    run('d', 2, 11_300, 11_400),
  ],
  committed: [5],
  ends: [5],
  commits: [{ partition: 0, at: 1_300 }],
  kills: [{ worker: 1, at: 5_000 }],
  outages: [],
  commitWindowMs: 1_000,
  blockedMs: 4_000,
  outageTailMs: 6_000,
  attempts: 2,
}

const without = <T>(list: readonly T[], index: number): T[] => list.toSpliced(index, 1)

test('a history in which nothing went wrong is accepted', () => {
  expect(judge(GOOD)).toEqual([])
})

test.each<readonly [string, Partial<Facts>, string]>([
  ['a result is missing in the topic', { results: without(GOOD.results, 2) }, 'lost: b'],
  ['a result is missing in the files', { lines: without(GOOD.lines, 1) }, 'lost: b'],
  ['a dead letter is missing', { letters: without(GOOD.letters, 0) }, 'lost: c'],
  [
    'a result has the output of another run',
    { results: [...GOOD.results, { ...result('b', 1), sum: 'sum-a' }] },
    'wrong',
  ],
  ['a line stands for another message', { lines: [...GOOD.lines, line('a', 1)] }, 'wrong result of b'],
  ['what cannot be read has a result', { results: [...GOOD.results, result('c', 2)] }, 'cannot have one'],
  [
    'a good message is dead-lettered',
    { letters: [...GOOD.letters, { partition: 0, offset: 0, sum: 'sum-a' }] },
    'a at 0:0',
  ],
  ['a dead letter has other bytes', { letters: GOOD.letters.map((letter) => ({ ...letter, sum: 'x' })) }, 'its bytes'],
  [
    'a replay gives its result another id',
    { results: [...GOOD.results, { ...result('b', 1), recordId: 'x' }] },
    'different ids',
  ],
  ['a result is delivered twice', { results: [...GOOD.results, result('e', 4)] }, 'e has 2 results of 1'],
  [
    'work that was done long before the kill runs again',
    { runs: [...GOOD.runs, run('e', 2, 12_000, 12_100)] },
    'for no reason',
  ],
  ['work runs again though nobody was killed', { kills: [] }, 'for no reason'],
  ['a worker runs a job twice', { runs: [...GOOD.runs, run('b', 2, 12_000, 12_100)] }, 'b ran in 2'],
  ['a failing job has more than its budget', { runs: [...GOOD.runs, run('d', 2, 12_000, 12_100)] }, 'd ran in 2'],
  ['what cannot be read is run', { runs: [...GOOD.runs, run('c', 2, 12_000, 12_100)] }, 'cannot be read'],
  ['the end is not committed', { committed: [4] }, 'committed 4 of 5'],
  ['the log of commits was not understood', { commits: [] }, 'not in the broker'],
])('it is seen where %s', (_, change, says) => {
  expect(judge({ ...GOOD, ...change }).join('\n')).toContain(says)
})

test('what was finished after the last commit that the group took may run again after a kill, for a while', () => {
  const again: Facts = { ...GOOD, runs: [...GOOD.runs, run('e', 2, 12_000, 12_100)] }
  expect(judge({ ...again, commits: [{ partition: 0, at: 1_100 }] })).toEqual([])
  // A commit of another partition says nothing of this one.
  const other = [
    { partition: 0, at: 100 },
    { partition: 1, at: 4_000 },
  ]
  expect(judge({ ...again, commits: other })).toEqual([])
  expect(judge({ ...again, commits: [{ partition: 0, at: 100 }], blockedMs: 3_500 }).join('\n')).toContain(
    'for no reason',
  )
})
