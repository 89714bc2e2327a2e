import { expect, test } from 'vitest'
import { Journal, readable } from './journal.ts'

const log = (severity: number, message: string) => ({ severity, fac: 'FAIL', message })

test('lines lose what only the authors of the client can use', () => {
  expect(
    readable(
      '[thrd:h:1/bootstrap]: h:1/bootstrap: refused (after 3ms in state CONNECT, 1 identical error(s) suppressed)',
    ),
  ).toBe('h:1/bootstrap: refused')
})

test('the last distinct warnings are kept, newest last', () => {
  const journal = new Journal()
  for (const [severity, line] of [
    [3, 'a'],
    [6, 'chatter'],
    [4, 'b'],
    [3, 'a'],
    [3, 'c'],
  ] as const)
    journal.note(log(severity, line))
  expect(journal.last(2)).toEqual(['b', 'c'])
  for (let line = 0; line < 100; line += 1) journal.note(log(3, `${line}`))
  expect(journal.last(1_000)).toHaveLength(20)
})
