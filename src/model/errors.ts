import { inspect } from 'node:util'

/**
 * The table of errors that end a start or a command. A code is never used for something else; the process ends with
 * `exitCode` when the error reaches the top. Reference page: docs/reference/errors.md (generated from here).
 */
export const ERRORS = {
  CONFIG_INVALID: { exitCode: 2, title: 'The configuration is not valid' },
  CONFIG_NOT_FOUND: { exitCode: 2, title: 'The configuration file cannot be read' },
  HANDLER_INVALID: { exitCode: 2, title: 'The handler cannot be loaded or is not a handler' },
  USAGE: { exitCode: 2, title: 'The command line is not valid' },
  SINK_INVALID: { exitCode: 2, title: 'A module of sinks.custom cannot be loaded or is no sink' },
  NO_SINK: { exitCode: 2, title: 'No sink is configured' },
  CLIENT_MISSING: { exitCode: 3, title: 'The Kafka client cannot be loaded' },
  BROKER_UNREACHABLE: { exitCode: 3, title: 'No broker can be reached' },
  TOPIC_MISSING: { exitCode: 3, title: 'A topic does not exist' },
  NOT_AUTHORIZED: { exitCode: 3, title: 'The brokers forbid what the worker must do' },
  SINK_UNAVAILABLE: { exitCode: 3, title: 'A sink cannot be connected' },
  LAUNCHER_FAILED: { exitCode: 3, title: 'No launcher can be started' },
  WORKER_UNREACHABLE: { exitCode: 3, title: 'No running worker answers' },
  LAUNCHER_LOST: { exitCode: 71, title: 'The first launcher died' },
  CLIENT_FATAL: { exitCode: 72, title: 'The Kafka client reported a fatal error' },
  DRAIN_TIMEOUT: { exitCode: 73, title: 'The stop ran out of time before all work had ended and was committed' },
  USER_CODE_CRASHED: { exitCode: 70, title: 'User code crashed outside of any hook result' },
} as const

export type ErrorCode = keyof typeof ERRORS

/** An error for the person who reads it: what, where, and what to do. */
export class DrakkarError extends Error {
  readonly code: ErrorCode
  /** What to do about it, one or more sentences; printed under the message. */
  readonly advice: string | undefined

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown; readonly advice?: string }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'DrakkarError'
    this.code = code
    this.advice = options?.advice
  }

  /** The status that the process ends with. */
  get exitCode(): number {
    return ERRORS[this.code].exitCode
  }
}

/** One line of text for anything that was thrown, also for what cannot be turned into JSON. Never throws. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name
  return typeof thrown === 'string'
    ? thrown
    : `threw ${inspect(thrown, { depth: 1, breakLength: Number.POSITIVE_INFINITY })}`
}
