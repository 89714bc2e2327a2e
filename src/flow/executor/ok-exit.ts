import type { Outcome, Task } from '../../model/index.ts'

/** The exit codes that count as success where nothing else is said. */
export const OK_EXIT_CODES: readonly number[] = [0]

/**
 * The outcome by what the task, or else the configuration, calls success: programs like grep end with 1 where they found
 * nothing. Only how a program ended by itself is judged anew.
 */
export function judgedExit(outcome: Outcome, task: Task, okExitCodes: readonly number[]): Outcome {
  const { verdict, exitCode } = outcome
  if (exitCode === null || (verdict !== 'ok' && verdict !== 'exit')) return outcome
  const codes = task.okExitCodes ?? okExitCodes
  const ok = codes.includes(exitCode)
  if (ok === (verdict === 'ok')) return outcome
  const { message: _, ...rest } = outcome
  if (ok) return { ...rest, verdict: 'ok' }
  return { ...rest, verdict: 'exit', message: `It ended with exit code ${exitCode}; success is ${codes.join(', ')}.` }
}
