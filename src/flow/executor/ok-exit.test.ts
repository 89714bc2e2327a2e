import { expect, it } from 'vitest'
import type { Outcome, Task, Verdict } from '../../model/index.ts'
import { judgedExit } from './ok-exit.ts'
import { precomputedOutcome } from './precomputed.ts'

const exited = (exitCode: number | null, verdict: Verdict): Outcome => ({
  ...precomputedOutcome({ exitCode: exitCode ?? 0 }),
  exitCode,
  verdict,
  message: 'It ended.',
})
const task = (okExitCodes?: readonly number[]): Task => ({
  id: 't',
  messages: [],
  args: [],
  env: {},
  metadata: undefined,
  labels: {},
  ...(okExitCodes === undefined ? {} : { okExitCodes }),
})

it.each<[number | null, Verdict, readonly number[], readonly number[] | undefined, Verdict]>([
  [0, 'ok', [0], undefined, 'ok'],
  [1, 'exit', [0], undefined, 'exit'],
  [1, 'exit', [0, 1], undefined, 'ok'],
  [2, 'exit', [0, 1], undefined, 'exit'],
  [1, 'exit', [0], [1], 'ok'],
  [0, 'ok', [0], [1], 'exit'],
  [1, 'timeout', [0, 1], undefined, 'timeout'],
  [null, 'signal', [0], undefined, 'signal'],
])('code %s with verdict %s, success being %j (of the task: %j), is %s', (code, verdict, all, own, expected) => {
  const judged = judgedExit(exited(code, verdict), task(own), all)
  expect(judged).toMatchObject({ verdict: expected, exitCode: code })
  if (verdict === 'exit' && expected === 'ok') expect(judged.message).toBeUndefined()
  if (verdict === 'ok' && expected === 'exit') expect(judged.message).toBe('It ended with exit code 0; success is 1.')
})
