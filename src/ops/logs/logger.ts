import { type Logger as Pino, pino } from 'pino'
import { type Clock, systemClock } from '../../lib/index.ts'
import type { HookLog } from '../../model/index.ts'
import { type Destination, type DestinationOptions, openDestination } from './destination.ts'
import { cleanFields, type Fields } from './fields.ts'
import { LEVEL_LABELS, type LogLevel } from './level.ts'

export interface LoggerOptions extends DestinationOptions {
  readonly level: LogLevel
  readonly serviceVersion: string
  /** Consumer group; left out of the lines where there is none. */
  readonly group?: string
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Instead of `output`: where lines go. For tests and for hosts with a log of their own. */
  readonly destination?: Destination
}

/** A structured logger: each line has a time, a level, the name of an event, who says it, and fields. */
export interface Logger extends HookLog {
  /** Written out before the call returns. */
  fatal(event: string, fields?: Fields): void
  log(level: LogLevel, event: string, fields?: Fields): void
  /** True where a line of this level would be written; ask before building costly fields. */
  isLevelEnabled(level: LogLevel): boolean
  /** A logger whose lines carry these fields too. */
  child(fields: Fields): Logger
  setLevel(level: LogLevel): void
  /** Writes out at once what is buffered: before the process ends by anything but an exit. */
  flush(): void
  /** Writes out what is buffered and closes the output. */
  close(): Promise<void>
}

/** Opens the log. Throws `CONFIG_INVALID` where its file cannot be opened. */
export function createLogger(options: LoggerOptions): Logger {
  const destination = options.destination ?? openDestination(options)
  const clock = options.clock ?? systemClock
  const root = pino(
    {
      level: options.level,
      messageKey: 'event',
      base: {
        service_name: 'drakkar',
        service_version: options.serviceVersion,
        worker_id: options.workerId,
        ...(options.group ? { consumer_group: options.group } : {}),
      },
      timestamp: () => `,"timestamp":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: LEVEL_LABELS[label as LogLevel] ?? label }) },
    },
    destination,
  )
  return wrap(root, destination)
}

function wrap(lines: Pino, destination: Destination): Logger {
  const log = (level: LogLevel, event: string, fields?: Fields): void => {
    if (!lines.isLevelEnabled(level)) return
    lines[level](fields === undefined ? {} : cleanFields(fields), event)
  }
  return {
    log,
    debug: (event, fields) => log('debug', event, fields),
    info: (event, fields) => log('info', event, fields),
    warn: (event, fields) => log('warn', event, fields),
    error: (event, fields) => log('error', event, fields),
    fatal: (event, fields) => log('fatal', event, fields),
    isLevelEnabled: (level) => lines.isLevelEnabled(level),
    child: (fields) => wrap(lines.child(cleanFields(fields)), destination),
    setLevel: (level) => {
      lines.level = level
    },
    flush: () => destination.flushSync(),
    close: () => destination.close(),
  }
}
