import type { Clock } from '../../lib/index.ts'
import type { WorkerEvent } from '../../model/index.ts'
import { levelOf, lineOf } from './lines.ts'
import type { Logger } from './logger.ts'
import { Repeats } from './repeats.ts'
import type { Line } from './row.ts'

/** Lines that come again and again are written once, then as a count, this often. */
const REPEAT_MS = 10_000

/** Writes what the worker announces. Never a payload, argument, output or variable of a task. */
export interface LogListener {
  readonly listen: (event: WorkerEvent) => void
  /** Writes the counts that are still held back. Call it at stop: its timers keep the process alive. */
  close(): void
}

export function createLogListener(logger: Logger, clock: Clock): LogListener {
  const write = ({ level, event, fields }: Line): void => logger.log(level, event, fields)
  const repeats = new Repeats(clock, REPEAT_MS, write)
  return {
    listen(event) {
      if (!logger.isLevelEnabled(levelOf(event))) return
      const { line, kind } = lineOf(event)
      if (kind === null) write(line)
      else repeats.take(kind, line)
    },
    close: () => repeats.close(),
  }
}
