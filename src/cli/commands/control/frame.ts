import { stripVTControlCharacters } from 'node:util'
import type { WorkerStatus } from '../../../ops/control/index.ts'
import { type Screen, statusText } from './show.ts'

/** Where there is no room for everything, so many runs and partitions are kept for longest. */
const FEW_RUNS = 3
const FEW_PARTITIONS = 4

/** A status that fits into so many rows, the last of them for `below`. No line is wider than the screen. */
export function frame(status: WorkerStatus, screen: Screen, rows: number, below: string): string[] {
  const room = Math.max(1, rows - 2)
  let body: string[] = []
  for (const shape of shapes(Math.min(room, status.runs.length), Math.min(room, status.view.partitions.length))) {
    body = statusText(status, { ...screen, ...shape })
      .trimEnd()
      .split('\n')
    if (body.length <= room) break
  }
  const end = screen.colour ? `\u001B[2m${below}\u001B[0m` : below
  return [...body.slice(0, room), '', end].slice(0, Math.max(1, rows)).map((line) => cutLine(line, screen.columns))
}

type Shape = Required<Pick<Screen, 'listed' | 'tight'>>

/** Less and less: runs that are not among the longest, the ends of reasons, partitions, the rest of the runs. */
function* shapes(runs: number, partitions: number): Generator<Shape> {
  const few = Math.min(runs, FEW_RUNS)
  const least = Math.min(partitions, FEW_PARTITIONS)
  for (let shown = runs; shown > few; shown -= 1) yield { listed: { runs: shown, partitions }, tight: false }
  yield { listed: { runs: few, partitions }, tight: false }
  for (let shown = partitions; shown > least; shown -= 1)
    yield { listed: { runs: few, partitions: shown }, tight: true }
  for (let shown = few; shown > 0; shown -= 1) yield { listed: { runs: shown, partitions: least }, tight: true }
  for (let shown = least; shown > 0; shown -= 1) yield { listed: { runs: 0, partitions: shown }, tight: true }
}

/** The line without what is beyond the columns. Colours take no room, and end where something was cut. */
export function cutLine(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line)
  if (plain.length <= columns) return line
  const end = plain === line ? '…' : '…\u001B[0m'
  let width = 0
  let cut = ''
  for (const [part] of line.matchAll(/\p{Cc}\[[\d;]*m|./gsu)) {
    if (part.length < 3) width += part.length
    if (width >= columns) break
    cut += part
  }
  return cut + end
}
