import { readFileSync } from 'node:fs'

/** How the tests of one or more runs ended. */
export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Reads a JSON report of vitest; a file that cannot be read counts as one failure, because then nobody knows. */
export function readCounts(file: string): Counts {
  try {
    const report: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const broken = numberAt(report, 'numFailedTestSuites') > 0 && numberAt(report, 'numFailedTests') === 0
    return {
      passed: numberAt(report, 'numPassedTests'),
      failed: broken ? 1 : numberAt(report, 'numFailedTests'),
      skipped: numberAt(report, 'numPendingTests') + numberAt(report, 'numTodoTests'),
    }
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

export function sumCounts(all: readonly Counts[]): Counts {
  return all.reduce((sum, one) => ({
    passed: sum.passed + one.passed,
    failed: sum.failed + one.failed,
    skipped: sum.skipped + one.skipped,
  }))
}

export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

function numberAt(report: unknown, key: string): number {
  const value = typeof report === 'object' && report !== null ? Reflect.get(report, key) : undefined
  if (typeof value !== 'number') throw new Error(`no number ${key}`)
  return value
}
