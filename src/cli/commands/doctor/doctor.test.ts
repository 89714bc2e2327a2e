import { expect, it } from 'vitest'
import { loadConfig } from '../../../config/index.ts'
import { findings, ok, problem, problemOf, warning } from './finding.ts'
import { cpuFindings, openFileFindings } from './machine.ts'
import { lineOf, summaryOf } from './report.ts'

const config = async (env: Record<string, string>): Promise<Awaited<ReturnType<typeof loadConfig>>['config']> =>
  (await loadConfig({ env })).config

it('shows a finding as one line, its advice below, and colour only where it is wanted', () => {
  const finding = problem('topics', 'jobs does not exist', 'Create it.\nOr not.')
  const plain = `problem  topics        jobs does not exist\n${' '.repeat(23)}→ Create it.\n${' '.repeat(23)}→ Or not.\n`
  expect(lineOf(finding, false)).toBe(plain)
  expect(lineOf(finding, true)).toBe(plain.replace('problem  ', '\u001B[31mproblem  \u001B[0m'))
})

it.each([
  [[ok('a', '')], 'Everything that a worker needs is there.\n'],
  [[ok('a', ''), warning('b', '')], '1 warning. A worker can start.\n'],
  [[problem('a', ''), warning('b', ''), warning('c', '')], '1 problem and 2 warnings.\n'],
  [[problem('a', ''), problem('b', '')], '2 problems.\n'],
])('sums up %#', (all, says) => {
  expect(summaryOf(all)).toBe(says)
})

it('goes on when a check throws or never answers', async () => {
  const thrown = await findings('x', 1_000, () => Promise.reject(new Error('one\ntwo')))
  expect(thrown).toEqual([problem('x', 'one', 'two')])
  expect(thrown).toEqual([problemOf('x', new Error('one\n  two'))])
  expect(await findings('x', 1, () => new Promise(() => undefined))).toMatchObject([
    { mark: 'problem', says: 'no answer within 0.001 s' },
  ])
})

it('counts the CPUs that this process may use, not those of the machine', async () => {
  const four = await config({ DRAKKAR_EXECUTOR__MAX_EXECUTORS: '4' })
  expect(cpuFindings(four, 4)[0]?.mark).toBe('ok')
  expect(cpuFindings(four, 3)[0]).toMatchObject({ mark: 'warning', advice: expect.stringContaining('to 3.') })
})

it.each([
  ['Max open files            20000                20000                files', 'ok'],
  ['Max open files            unlimited            unlimited            files', 'ok'],
  ['Max open files            1024                 20000                files', 'warning'],
])('compares the limit on open files with what is needed: %s', async (limits, mark) => {
  const many = await config({ DRAKKAR_EXECUTOR__MAX_EXECUTORS: '400' })
  expect(openFileFindings(many, limits)[0]?.mark).toBe(mark)
})
