/**
 * ops/logs: structured lines, and which line each event of the worker becomes.
 * Never writes payloads or credentials, and never lets an output that fails stop the worker.
 */
export type { Destination, DestinationOptions } from './destination.ts'
export { type LogLevel, parseLevel } from './level.ts'
export { createLogListener, type LogListener } from './listener.ts'
export { createLogger, type Logger, type LoggerOptions } from './logger.ts'
