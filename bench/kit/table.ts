import type { Run } from './run.ts'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

const HEAD = [
  'case',
  'worker',
  'results/s (runs)',
  'main thread us',
  'process us',
  'launchers us',
  'tasks us',
  'loop p99 ms',
  'RSS MB (all)',
  'first s',
  'lost/doubled',
  'uncommitted',
  'foreign s',
  'load',
]

/** Medians of the runs, CPU per result, as Markdown. */
export function table(kind: string, rows: readonly (readonly [string, readonly Run[]])[]): string {
  const lines = rows.map(([name, runs]) => line(kind, name, runs))
  return [`| ${HEAD.join(' | ')} |`, `|${HEAD.map(() => ' --- |').join('')}`, ...lines].join('\n')
}

function line(kind: string, name: string, runs: readonly Run[]): string {
  const middle = (of: (run: Run) => number): number => median(runs.map(of))
  const each = (of: (run: Run) => number): string => middle((run) => (of(run) / run.results) * 1e6).toFixed(1)
  const rates = runs.map((run) => Math.round(run.rate)).join(' ')
  const delays = runs.flatMap((run) => (run.delays === null ? [] : [run.delays.p99]))
  const sum = (of: (run: Run) => number): number => runs.reduce((total, run) => total + of(run), 0)
  return `| ${[
    kind,
    name,
    `**${Math.round(middle((run) => run.rate))}** (${rates})`,
    each((run) => run.main),
    each((run) => run.process),
    each((run) => run.helpers),
    each((run) => run.tasks),
    delays.length === 0 ? '-' : median(delays).toFixed(1),
    `${Math.round(middle((run) => run.rss) / 1e6)} (${Math.round(middle((run) => run.rssAll) / 1e6)})`,
    middle((run) => run.first).toFixed(1),
    `${sum((run) => run.missing)}/${sum((run) => run.doubled)}`,
    String(Math.round(middle((run) => run.results - run.committed))),
    runs.map((run) => run.foreign.toFixed(1)).join(' '),
    runs.map((run) => run.load.toFixed(1)).join(' '),
  ].join(' | ')} |`
}
