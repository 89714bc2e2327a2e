import { redactSecrets } from '../../../lib/index.ts'
import { reasonOf } from '../../../model/index.ts'
import type { RecordVerdict } from '../sink.ts'
import { ValueError } from './column-type.ts'

/**
 * Classes of SQLSTATE that are of the server's state: connections, transactions that failed or were rolled back,
 * what is read-only during a failover, logins, prepared statements that a pooler lost, a missing database, resources
 * (disk full, too many connections), objects in use, shutdown and cancelled statements, system and internal errors.
 */
const PASSING = new Set(['08', '25', '26', '28', '2D', '3D', '40', '53', '55', '57', '58', 'F0', 'HV', 'XX'])
/** A pooler gave us the connection of somebody who had prepared a statement of this name. */
const PREPARED_TWICE = '42P05'

/** How long logins rest after one was refused: servers lock users out that try too often. */
const LOGIN_WAIT_MS = 5000

const HINTS: Readonly<Record<string, string>> = {
  '25006': 'The server is read-only now (a standby, or a failover): it is tried again on a new connection.',
  '26000':
    'A pooler lost the prepared statement: set prepared_statements: false, or max_prepared_statements of PgBouncer.',
  '28P01':
    'The password is not valid any more: put the new one into password_file, which is read for each connection, or restart with it.',
  '28000': 'The login is refused: see pg_hba.conf and the role of the server.',
  '42501': 'Grant the role what it lacks.',
  '42P05':
    'A pooler mixes prepared statements up: set prepared_statements: false, or max_prepared_statements of PgBouncer.',
  '42P10': 'ON CONFLICT needs a unique index on exactly these columns.',
  '53100': 'The disk of the server is full.',
  '53300': 'The server has no connection left: raise its max_connections, or lower pool_max.',
}

/** The SQLSTATE of an error; '' where it comes from no server. */
export function sqlState(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return ''
  // Only what came over the wire has a severity; Node's codes (EPIPE) can look like a SQLSTATE.
  return typeof thrown.code === 'string' && thrown.code.length === 5 && 'severity' in thrown ? thrown.code : ''
}

/** Whether a record can be written later as it is. An error without a SQLSTATE is one of the connection. */
export function errorKind(thrown: unknown): 'transient' | 'permanent' {
  if (thrown instanceof ValueError) return 'permanent'
  const state = sqlState(thrown)
  if (state === '' || state === PREPARED_TWICE) return 'transient'
  return PASSING.has(state.slice(0, 2)) ? 'transient' : 'permanent'
}

/** The verdict on a record that an error is about. */
export function failed(thrown: unknown, where: string): RecordVerdict {
  const kind = errorKind(thrown)
  const state = sqlState(thrown)
  const error = new Error(`${where}: ${errorText(thrown)}`, { cause: thrown })
  if (state.startsWith('28')) return { ok: false, kind, error, retryAfterMs: LOGIN_WAIT_MS }
  return { ok: false, kind, error }
}

/** One line: what the server said, its code, the constraint, and what to do where that is known. */
export function errorText(thrown: unknown): string {
  const state = sqlState(thrown)
  const said = redactSecrets((flat(thrown).split('\n')[0] ?? '').slice(0, 500))
  if (state === '') return said
  const hint = HINTS[state]
  return `${said} (${state})${hint === undefined ? '' : `. ${hint}`}`
}

/** Node tries several addresses and says nothing itself. */
function flat(thrown: unknown): string {
  return thrown instanceof AggregateError ? thrown.errors.map(reasonOf).join('; ') : reasonOf(thrown)
}
