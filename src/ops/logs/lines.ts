import type { WorkerEvent } from '../../model/index.ts'
import type { LogLevel } from './level.ts'
import { HOOKS, MESSAGES, TASKS } from './lines-flow.ts'
import { KAFKA, RUNTIME, SINKS } from './lines-io.ts'
import type { Line, Row, Rows } from './row.ts'

const ROWS: Rows = { ...MESSAGES, ...TASKS, ...HOOKS, ...SINKS, ...KAFKA, ...RUNTIME }

/** The level of an event's line, without building it. */
export function levelOf(event: WorkerEvent): LogLevel {
  const { level } = rowOf(event)
  return typeof level === 'function' ? level(event) : level
}

/** The line of an event, and what makes lines of its kind the same (null: each is written). */
export function lineOf(event: WorkerEvent): { readonly line: Line; readonly kind: string | null } {
  const row = rowOf(event)
  const name = typeof row.event === 'function' ? row.event(event) : row.event
  const level = levelOf(event)
  const fields = { category: row.category, ...row.fields(event) }
  // Debug lines are asked for one by one; only what comes unasked is held back.
  const kind =
    row.repeat === undefined || level === 'debug' || level === 'fatal' ? null : `${name} ${row.repeat(event)}`
  return { line: { level, event: name, fields }, kind }
}

function rowOf(event: WorkerEvent): Row<WorkerEvent> {
  return ROWS[event.type] as Row<WorkerEvent>
}
