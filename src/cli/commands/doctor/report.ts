import type { Finding, Mark } from './finding.ts'

const COLOURS: Readonly<Record<Mark, string>> = { ok: '32', warning: '33', problem: '31' }
const MARK_WIDTH = 9
const SUBJECT_WIDTH = 14

/** A finding as lines for people; colour where it is wanted. */
export function lineOf({ mark, subject, says, advice }: Finding, colour: boolean): string {
  const padded = mark.padEnd(MARK_WIDTH)
  const shown = colour ? `\u001B[${COLOURS[mark]}m${padded}\u001B[0m` : padded
  const indent = ' '.repeat(MARK_WIDTH + SUBJECT_WIDTH)
  const below =
    advice === undefined
      ? ''
      : advice
          .split('\n')
          .map((line) => `${indent}→ ${line}\n`)
          .join('')
  return `${shown}${subject.padEnd(SUBJECT_WIDTH)}${says}\n${below}`
}

/** The last line. */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (mark: Mark): number => findings.filter((finding) => finding.mark === mark).length
  const problems = count('problem')
  const warnings = count('warning')
  if (problems + warnings === 0) return 'Everything that a worker needs is there.\n'
  const parts = [some(problems, 'problem'), some(warnings, 'warning')].filter((part) => part !== '')
  return `${parts.join(' and ')}.${problems === 0 ? ' A worker can start.' : ''}\n`
}

const some = (count: number, what: string): string => (count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}`)
