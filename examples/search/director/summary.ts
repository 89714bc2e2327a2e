import { isRight, type Row } from './check.ts'
import { number, type Paint } from './paint.ts'

const HEAD = ['expected', 'found', 'missing', 'twice', 'wrong'] as const

/** The table of what was checked, and the verdict. */
export function summary(rows: readonly Row[], { bold, dim, green, red }: Paint): readonly string[] {
  const head = `  ${'checked in topics and files'.padEnd(28)}${HEAD.map((name) => name.padStart(9)).join('')}`
  const table = rows.map((row) => {
    const right = isRight(row)
    const figures = [row.expected, row.found, row.missing.length, row.twice.length, row.wrong.length]
    const cells = figures.map((figure, at) => {
      const cell = number(figure).padStart(9)
      return at > 1 && figure > 0 ? red(cell) : at > 1 ? dim(cell) : cell
    })
    return `  ${row.what.padEnd(28)}${cells.join('')} ${right ? green('✓') : red('✗')}`
  })
  const bad = rows.filter((row) => !isRight(row))
  const verdict =
    bad.length === 0
      ? [`  ${green(bold('✓ Nothing lost, nothing twice:'))} each request has one answer or one dead letter`]
      : [`  ${red(bold('✗ This is not right:'))}`, ...bad.map((row) => `    ${complaint(row)}`)]
  return ['', bold(head), ...table, '', ...verdict]
}

function complaint({ what, expected, found, missing, twice, wrong }: Row): string {
  const parts = [some('missing', missing), some('twice', twice), some('wrong', wrong)].filter((part) => part !== '')
  return `${what}: ${parts.length > 0 ? parts.join('; ') : `${number(found)} of ${number(expected)}`}`
}

function some(name: string, ids: readonly string[]): string {
  if (ids.length === 0) return ''
  return `${number(ids.length)} ${name} (${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ', …' : ''})`
}
