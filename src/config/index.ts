/**
 * config: one schema; reads file, environment and code into one checked, complete, read-only configuration.
 * Never starts, connects or watches anything; the only room besides cli and app that is given the environment.
 */
export { type ClientPropertyMap, clientProperties } from './client-properties.ts'
export type { Config } from './config.ts'
export { jsonSchema } from './editor-schema.ts'
export { warnings } from './lint.ts'
export { type ConfigOverrides, type LoadedConfig, type LoadOptions, loadConfig } from './load.ts'
export { parseMaxDead } from './max-dead.ts'
export { redactConfig } from './redact.ts'
export { type ShownOrigins, toYaml } from './show.ts'
export { hasTransactions } from './transactions.ts'
