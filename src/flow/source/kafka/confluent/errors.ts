import { DriverError } from '../driver.ts'
import type { RdError } from './client-types.ts'
import { loadClient } from './load.ts'

/** Numbers of the client that the adapter decides by. */
export const CODE = {
  autoOffsetReset: -140,
  assignmentLost: -142,
  application: -143,
  maxPollExceeded: -147,
  fatal: -150,
  fenced: -144,
  state: -172,
  revokePartitions: -174,
  assignPartitions: -175,
  previousInProgress: -177,
  queueFull: -184,
  timedOut: -185,
} as const

/** What passes by itself: connections, elections, loading coordinators, full queues. */
const RETRIABLE: ReadonlySet<number> = new Set([
  -195, -193, -192, -187, -185, -184, -180, -177, -166, -164, -153, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 27, 56, 72,
  74, 75, 78, 88, 89,
])

interface Names {
  readonly byNumber: ReadonlyMap<number, string>
  readonly byText: ReadonlyMap<string, number>
}

let names: Names | undefined

/** The numbers and texts that the loaded client knows, read from itself so that a newer one brings its own. */
function knownNames(): Names {
  if (names) return names
  const client = loadClient()
  const byNumber = new Map<number, string>()
  const byText = new Map<string, number>()
  for (const [name, errno] of Object.entries(client.CODES.ERRORS)) {
    if (!byNumber.has(errno)) byNumber.set(errno, name)
    byText.set(plain(client.err2str(errno)), errno)
  }
  names = { byNumber, byText }
  return names
}

/** The part of a text that the client keeps in the errors of its events: lower case, without "Local:" or "Broker:". */
function plain(text: string): string {
  return (text.split(': ')[1] ?? text).toLowerCase()
}

/** An error of the port from one of librdkafka's numbers; `what` says what was being done, for whom. */
export function driverError(errno: number, what: string, fatal: boolean = errno === CODE.fatal): DriverError {
  const code = knownNames().byNumber.get(errno) ?? `ERR_${errno}`
  return new DriverError(`${what}: ${loadClient().err2str(errno)} (${code})`, {
    code,
    errno,
    fatal,
    retriable: !fatal && RETRIABLE.has(errno),
  })
}

/**
 * The same from an error of the client. Errors of its events carry no number, only librdkafka's text: it is looked up
 * backwards, else the number is -1 (`ERR_UNKNOWN`) with the client's own text.
 */
export function fromClient(error: RdError | Error, what: string): DriverError {
  const given = (error as Partial<RdError>).code
  const errno = given === undefined || given === -1 ? knownNames().byText.get(plain(error.message)) : given
  if (typeof errno === 'number') return driverError(errno, what)
  return new DriverError(`${what}: ${error.message}`, { code: 'ERR_UNKNOWN', errno: -1 })
}

/**
 * An error of a call about a transaction. The client says itself what may follow, and in its text what it was about.
 */
export function transactionError(error: RdError | Error, what: string): DriverError {
  const { code, isFatal, isRetriable, isTxnRequiresAbort } = error as Partial<RdError>
  if (typeof code !== 'number') return fromClient(error, what)
  return new DriverError(`${what}: ${error.message}`, {
    code: knownNames().byNumber.get(code) ?? `ERR_${code}`,
    errno: code,
    fatal: isFatal === true || code === CODE.fatal || code === CODE.fenced,
    retriable: isRetriable === true,
    abortable: isTxnRequiresAbort === true,
  })
}

/** A call that the state of the adapter forbids. */
export function wrongState(what: string): DriverError {
  return driverError(CODE.state, what)
}
