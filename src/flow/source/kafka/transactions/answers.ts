import { partitionKey } from '../../../../model/index.ts'
import { type CommitAnswer, type CommittedPosition, DriverError } from '../driver.ts'
import { isRefusal } from './refusals.ts'
import type { CommitEntry } from './transactor.ts'

/** The assignment ended before its transaction did. */
export const LOST: DriverError = new DriverError('its partition was given up or lost meanwhile', {
  code: 'ERR__ASSIGNMENT_LOST',
  errno: -142,
})

/** The client's own: try again. */
const RETRY = -153

/** Metadata too large, request too large: the longest must become shorter. */
const TOO_LONG: ReadonlySet<number> = new Set([12, 28])

/** What a transaction's end means for each partition of its commit, as a plain commit would be answered. */
export function answersOf(entries: readonly CommitEntry[], error: Error | null): CommitAnswer[] {
  const longest = Math.max(...entries.map(({ request }) => request.metadata.length))
  return entries.map(({ partition, request }) => {
    const { topic, partition: number, offset, metadata } = request
    const answer = (of: DriverError | null): CommitAnswer => ({ topic, partition: number, offset, error: of })
    if (error === null) return answer(null)
    if (!partition.alive) return answer(LOST)
    const own = asDriverError(error)
    // The others are innocent, and who is to blame among outputs is looked for at once.
    const innocent = error === LOST || (TOO_LONG.has(own.errno) && metadata.length < longest)
    return answer(innocent || isRefusal(error) ? againAtOnce(error) : own)
  })
}

/** Not fatal: the producer is replaced, the consumer is well. */
function asDriverError(error: Error): DriverError {
  if (!(error instanceof DriverError))
    return new DriverError(error.message, { code: 'ERR_UNKNOWN', errno: -1, retriable: true })
  if (!error.fatal) return error
  return new DriverError(error.message, { code: error.code, errno: error.errno, retriable: true })
}

/** The commit goes again without a longer wait each time. */
function againAtOnce(error: Error): DriverError {
  return new DriverError(error.message, { code: 'ERR__RETRY', errno: RETRY, retriable: true })
}

/** True where the group holds what these partitions' commits said: then their transaction was committed. */
export function isCommitted(entries: readonly CommitEntry[], held: readonly CommittedPosition[]): boolean {
  const byKey = new Map(held.map((position) => [partitionKey(position), position]))
  return entries.every(({ request }) => {
    const position = byKey.get(partitionKey(request))
    return position?.offset === request.offset && position.metadata === request.metadata
  })
}
