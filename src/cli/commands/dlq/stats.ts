import { type Letter, sourceText } from './letter.ts'
import { cut, oneLine, verdictText } from './text.ts'

const BAR = 24
/** Reasons that differ by more than this many are counted together. */
const MOST_ROWS = 15
const MOST_KEPT = 10_000

/** Counts letters by stage, verdict, reason, source topic and hour, in bounded memory. */
export class Histogram {
  readonly #by: readonly (readonly [title: string, of: (letter: Letter) => string, counts: Map<string, number>])[] = [
    ['By stage', ({ stage }) => stage ?? '(none)', new Map()],
    ['By verdict', (letter) => verdictText(letter), new Map()],
    ['By reason', ({ reason }) => likeness(reason ?? '(none)'), new Map()],
    ['By source topic', (letter) => letter.source?.topic ?? sourceText(letter), new Map()],
    [
      'By hour (UTC)',
      ({ at }) => (at === null ? '?' : new Date(at).toISOString().slice(0, 13).replace('T', ' ')),
      new Map(),
    ],
  ]
  letters = 0

  add(letter: Letter): void {
    this.letters += 1
    for (const [, of, counts] of this.#by) {
      const name = of(letter)
      const key = counts.has(name) || counts.size < MOST_KEPT ? name : '(others)'
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }

  /** The tables, each line at most `width` characters wide. */
  text(width: number): string {
    if (this.letters === 0) return 'no letters\n'
    const parts = this.#by.map(
      ([title, , counts]) => `\n${title}\n${this.#rows(counts, title.startsWith('By hour'), width)}`,
    )
    return `${this.letters.toLocaleString('en-US')} ${this.letters === 1 ? 'letter' : 'letters'}\n${parts.join('')}`
  }

  #rows(counts: ReadonlyMap<string, number>, byName: boolean, width: number): string {
    const sorted = [...counts].sort(([a, n], [b, m]) => (byName ? (a < b ? -1 : 1) : m - n || (a < b ? -1 : 1)))
    const shown = byName ? sorted.slice(-MOST_ROWS * 2) : sorted.slice(0, MOST_ROWS)
    const rest = sorted.filter((row) => !shown.includes(row)).reduce((sum, [, count]) => sum + count, 0)
    const most = Math.max(...shown.map(([, count]) => count))
    const lines = shown.map(([name, count]) => {
      const bar = '━'.repeat(Math.max(1, Math.round((count / most) * BAR))).padEnd(BAR)
      return cut(`  ${String(count).padStart(8)}  ${bar}  ${oneLine(name)}`, width)
    })
    if (rest > 0) lines.push(`  ${String(rest).padStart(8)}  ${' '.repeat(BAR)}  (others)`)
    return `${lines.join('\n')}\n`
  }
}

/** Reasons that differ only in numbers, ids and paths are one: `task jobs:3:17:0 exited with code 3` → `task … exited with code 3`. */
export function likeness(reason: string): string {
  return reason
    .slice(0, 300)
    .replaceAll(/\S*[\w.-]+:\d+:\S+/g, '…')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{16,}\b/gi, '…')
    .replaceAll(/(?<!(?:code|status|HTTP|signal) )\b\d+\b/gi, '…')
}
