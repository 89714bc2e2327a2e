import type { StepResult } from './step.ts'

/** The last thing that the gate prints: a line per step, what it took, how it ended. */
export function table(results: readonly StepResult[]): string {
  const width = Math.max(...results.map(({ name }) => name.length))
  const lines = results.map(
    ({ name, seconds, ok, note }) =>
      `  ${name.padEnd(width)}  ${seconds.toFixed(1).padStart(6)} s  ${ok ? 'ok' : 'FAILED'}${note === '' ? '' : `  ${note}`}`,
  )
  const total = results.reduce((sum, { seconds }) => sum + seconds, 0)
  return ['', ...lines, `  ${'total'.padEnd(width)}  ${total.toFixed(1).padStart(6)} s`].join('\n')
}
