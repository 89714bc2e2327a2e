import type { z } from 'zod'
import { camelKeys } from './camel-case.ts'
import { problemsOf } from './check.ts'
import type { Config } from './config.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Layer } from './origin.ts'
import type { Problem } from './problem.ts'
import { brokenRules } from './rules.ts'
import { schema } from './schema/index.ts'
import { mayBeNull, settingAt } from './shape.ts'
import { hasTransactions } from './transactions.ts'
import { dotted, isTree, type Path, valueAt, withValue } from './tree.ts'

/** The complete configuration of a tree, or everything that is wrong with it. */
export function completed(
  tree: unknown,
  settings: JsonSchema,
  layers: readonly Layer[],
): { readonly config?: Config; readonly problems: readonly Problem[] } {
  const checked = schema.safeParse(tree)
  if (checked.success) {
    const config = withImplied(camelKeys(withoutNulls(checked.data, settings, [])) as Config, tree)
    const problems = brokenRules(config)
    return problems.length === 0 ? { config, problems } : { problems }
  }
  const problems = problemsOf(checked.error, tree, settings, layers)
  return { problems: [...problems, ...rulesBeside(checked.error, tree, settings)] }
}

/** Rules that are broken as well, judged with the faulty settings left out, so that one look shows everything. */
function rulesBeside(error: z.ZodError, tree: unknown, settings: JsonSchema): Problem[] {
  const out = error.issues.flatMap((issue): Path[] => {
    const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol')
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...path, key])
    const whole = issue.code === 'custom' || valueAt(tree, path) === undefined || typeof path.at(-1) === 'number'
    return [whole ? path.slice(0, -1) : path]
  })
  if (out.some((path) => path.length === 0)) return []
  const sound = schema.safeParse(out.reduce((rest, path) => withValue(rest, path, undefined), tree))
  if (!sound.success) return []
  const left = new Set(out.map(dotted))
  const config = withImplied(camelKeys(withoutNulls(sound.data, settings, [])) as Config, tree)
  return brokenRules(config).filter(({ path }) => !left.has(dotted(path)))
}

/** What a setting asks of another one that nobody wrote. */
function withImplied(config: Config, tree: unknown): Config {
  return hasTransactions(config) && valueAt(tree, ['delivery']) === undefined
    ? { ...config, delivery: 'atomic' }
    : config
}

/** An optional setting that is null is one that is not given. */
function withoutNulls(value: unknown, settings: JsonSchema, path: Path): unknown {
  const here = settingAt(settings, path)
  if (!isTree(value) || (here?.properties === undefined && typeof here?.additionalProperties !== 'object')) return value
  const kept = Object.entries(value).filter(([key, inner]) => {
    const setting = settingAt(settings, [...path, key])
    return !((inner === null || inner === undefined) && setting !== undefined && mayBeNull(setting))
  })
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutNulls(inner, settings, [...path, key])]))
}
