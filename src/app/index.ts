/**
 * app: a real worker from a handler and a configuration: builds the parts, watches signals, answers the exit status.
 * It decides nothing about messages; that is the flow's.
 */
export { type AppOptions, DrakkarApp } from './app.ts'
export { buildExec } from './exec.ts'
export { loadHandler } from './load-handler.ts'
export { customChecks, kafkaProducer, type SinkCheck, sinkChecks } from './sinks.ts'
export { VERSION } from './version.ts'
