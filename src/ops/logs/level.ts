/** Levels from the least to the most severe. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** How lines call the levels: as py-drakkar does. */
export const LEVEL_LABELS: Readonly<Record<LogLevel, string>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
  fatal: 'critical',
}

const BY_NAME: Readonly<Record<string, LogLevel>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  critical: 'fatal',
  fatal: 'fatal',
}

/** The level of a name as people write it (`INFO`, `warning`, `CRITICAL`); undefined where it is none. */
export function parseLevel(name: string): LogLevel | undefined {
  return BY_NAME[name.toLowerCase()]
}
