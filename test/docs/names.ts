import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type JsonSchema, settings } from '../../src/config/json-schema.ts'
import { METRICS } from '../../src/ops/metrics/index.ts'
import { ROOT } from './pages.ts'

/** All sources in one text: what is quoted or declared nowhere there does not exist. */
export const sources: string = globSync(['src/**/*.ts', 'scripts/**/*.{ts,cjs,sh}'], { cwd: ROOT })
  .filter((path) => !path.endsWith('.test.ts'))
  .map((path) => readFileSync(join(ROOT, path), 'utf8'))
  .join('\n')

const words: ReadonlySet<string> = new Set(sources.match(/[A-Za-z_][A-Za-z0-9_]*/g))

/** Whether an identifier stands anywhere in the sources. */
export const inSources = (word: string): boolean => words.has(word)

const metrics: ReadonlySet<string> = new Set(METRICS.map(({ name }) => name))

export const isMetric = (name: string): boolean =>
  metrics.has(name) || metrics.has(name.replace(/_(bucket|sum|count)$/, ''))

/** Whether the log may write an event of this name. */
export const isLogged = (event: string): boolean => sources.includes(`'${event}'`)

/** Whether the configuration has this path; `<name>` and `…` stand for any name of an instance. */
export function isSetting(path: readonly string[], schema: JsonSchema = settings): boolean {
  const [first, ...rest] = path
  if (first === undefined) return true
  const inner =
    schema.properties?.[first] ??
    (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined)
  return inner !== undefined && isSetting(rest, inner)
}

/** First steps of all settings. */
export const roots: ReadonlySet<string> = new Set(Object.keys(settings.properties ?? {}))

/** Every key of the configuration, whatever it stands in. */
export const settingNames: ReadonlySet<string> = new Set(namesIn(settings))

function namesIn(schema: JsonSchema): string[] {
  const inner = typeof schema.additionalProperties === 'object' ? namesIn(schema.additionalProperties) : []
  return [...inner, ...Object.entries(schema.properties ?? {}).flatMap(([name, of]) => [name, ...namesIn(of)])]
}
