import { redactSecrets } from '../../../lib/index.ts'
import { reasonOf } from '../../../model/index.ts'
import type { RecordVerdict } from '../sink.ts'

/**
 * Codes of errors that are of the server's state: the same command can work later. Servers before 7 put the place in a
 * script before the code. What else a command is answered with it gets again, whoever sends it: WRONGTYPE, a value that
 * is no number, wrong arguments, what this user may not do.
 */
const PASSING =
  /(^|[:\s@-])(LOADING|CLUSTERDOWN|MOVED|ASK|TRYAGAIN|READONLY|OOM|MASTERDOWN|MISCONF|NOREPLICAS|BUSY|NOAUTH|WRONGPASS|NOSCRIPT|UNKILLABLE)\b/

/** How long a former owner's record waits; the news that the partition is lost takes it back meanwhile. */
const FENCED_WAIT_MS = 1000

export const DONE: RecordVerdict = { ok: true }

/** What an answer of a guarded script says of a record. */
export function verdictOf(answer: unknown, where: string, owner: number, partition: string): RecordVerdict {
  if (answer === 1 || answer === 2) return DONE
  if (typeof answer !== 'string') return failed('transient', `${where}: Redis gave no answer for this record`)
  if (answer.startsWith('F')) {
    const error = new Error(
      `${where}: a newer owner (${answer.slice(1)}) of ${partition} writes there, and this assignment is ${owner}: it has lost the partition, so this is left to the newer one. Where the counter was set back (a group or topic made anew), delete the keys drakkar:fence:*:${partition}.`,
    )
    return { ok: false, kind: 'transient', error, retryAfterMs: FENCED_WAIT_MS }
  }
  return failed(errorKind(answer.slice(1)), `${where}: ${shown(answer.slice(1))}`)
}

/**
 * For a call that failed as a whole. Never permanent: what a whole call is refused for is no record's own fault, but
 * that its keys are in several slots of a cluster.
 */
export function callFailed(thrown: unknown, where: string): RecordVerdict {
  const reason = reasonOf(thrown)
  return failed(reason.startsWith('CROSSSLOT') ? 'permanent' : 'transient', `${where}: ${shown(reason)}`, thrown)
}

/** Whether the command of a record can work later. */
export function errorKind(text: string): 'transient' | 'permanent' {
  return PASSING.test(text) ? 'transient' : 'permanent'
}

function failed(kind: 'transient' | 'permanent', text: string, cause?: unknown): RecordVerdict {
  return { ok: false, kind, error: new Error(text, cause === undefined ? undefined : { cause }) }
}

/** The server does not know who we are, or not with this password. */
export function isUnauthenticated(text: string): boolean {
  return /NOAUTH|WRONGPASS|invalid password/i.test(text)
}

/** One line, without what may be secret. */
export function shown(text: string): string {
  return redactSecrets(text.split('\n')[0] ?? '').slice(0, 500)
}
