import { redactSecrets } from '../../../lib/index.ts'
import { reasonOf } from '../../../model/index.ts'

/** What an error says of one operation. */
export type MongoErrorKind = 'duplicate' | 'transient' | 'permanent'

/** Codes of errors that are of the server's state: the same operation can work later. */
const PASSING: ReadonlySet<number> = new Set([
  6, 7, 18, 24, 50, 64, 79, 89, 91, 100, 112, 133, 134, 150, 189, 202, 234, 262, 314, 317, 358, 384, 391, 9001, 10107,
  11600, 11602, 13388, 13435, 13436, 14031, 16500,
])

/** Errors of the driver that no server said, and that the same operation gets again. */
const OWN_FAULT = /^(BSON\w*Error|MongoInvalidArgumentError)$/

/** Whether the same operation can work later. What nobody knows is taken for passing, unless a server said it. */
export function mongoErrorKind(error: unknown): MongoErrorKind {
  const { code, name } = asObject(error)
  if (code === 11_000 || code === 11_001) return 'duplicate'
  if (hasLabel(error, 'RetryableWriteError') || hasLabel(error, 'TransientTransactionError')) return 'transient'
  if (typeof code === 'number') return PASSING.has(code) ? 'transient' : 'permanent'
  return typeof name === 'string' && OWN_FAULT.test(name) ? 'permanent' : 'transient'
}

/** One line of an error, without what may be secret. */
export function shownError(error: unknown): string {
  // What the driver says of one operation of a bulk write is no Error.
  const said = error instanceof Error ? undefined : asObject(error).errmsg
  return redactSecrets((typeof said === 'string' ? said : reasonOf(error)).split('\n')[0] ?? '').slice(0, 500)
}

function asObject(error: unknown): { readonly code?: unknown; readonly name?: unknown; readonly errmsg?: unknown } {
  return typeof error === 'object' && error !== null ? error : {}
}

function hasLabel(error: unknown, label: string): boolean {
  if (typeof error !== 'object' || error === null || !('errorLabels' in error)) return false
  return Array.isArray(error.errorLabels) && error.errorLabels.includes(label)
}
