import type { z } from 'zod'
import type { JsonSchema } from './json-schema.ts'
import { isSameName, nearest } from './nearest.ts'
import { type Layer, originIn } from './origin.ts'
import type { Problem } from './problem.ts'
import { HIDDEN, isSecretName, redacted } from './redact.ts'
import { allowed, allSettings, settingAt } from './shape.ts'
import { dotted, isTree, type Path, valueAt } from './tree.ts'

/** What the check of the schema found, in words for the person who wrote the value. */
export function problemsOf(
  error: z.ZodError,
  tree: unknown,
  settings: JsonSchema,
  layers: readonly Layer[],
): Problem[] {
  const found = error.issues.flatMap((issue): Problem[] => {
    const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol')
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], settings, layers))
    if (issue.code === 'custom') return [{ path, text: issue.message, missing: true }]
    return [badValue(path, tree, settings, originIn(layers, path)?.secret === true)]
  })
  const first = new Map(found.map((problem) => [`${dotted(problem.path)} ${problem.text}`, problem]))
  return [...first.values()]
}

function badValue(path: Path, tree: unknown, settings: JsonSchema, secret: boolean): Problem {
  const value = valueAt(tree, path)
  const setting = settingAt(settings, path)
  const must = setting === undefined ? 'something else' : allowed(setting)
  if (value === undefined) return { path, text: `is required: ${must}`, missing: true }
  if (dotted(path) === 'dlq.on_send_failure') return { path, text: `is ${shown(value, path, secret)}, ${NO_DROP}` }
  return { path, text: `is ${shown(value, path, secret)}; it must be ${must}` }
}

const NO_DROP =
  'which would lose messages: a dead letter that cannot be written holds its partition (`stall`, the only choice) until it can'

function shown(value: unknown, path: Path, secret: boolean): string {
  if (value === null) return 'empty'
  if (isTree(value)) return 'a section'
  if (Array.isArray(value) && value.length === 0) return 'an empty list'
  const name = String(path.findLast((step) => typeof step === 'string'))
  const hide = secret || isSecretName(name) || path.at(-2) === 'env' || path.at(-2) === 'headers'
  if (hide) return Array.isArray(value) ? 'a list' : HIDDEN
  const text = JSON.stringify(redacted(value)) ?? typeof value
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

function unknownKey(path: Path, settings: JsonSchema, layers: readonly Layer[]): Problem {
  const name = String(path.at(-1))
  const section = path.slice(0, -1)
  const siblings = Object.keys(settingAt(settings, section)?.properties ?? {})
  const all = [...allSettings(settings)].map(([path]) => path)
  const suggestion = suggested(name, section, siblings, all)
  const variable = originIn(layers, path)?.variable
  const written =
    suggestion === undefined
      ? undefined
      : variable === undefined
        ? dotted(suggestion)
        : asVariable(variable, suggestion)
  const where = section.length === 0 ? 'the configuration' : dotted(section)
  const advice =
    written !== undefined
      ? `did you mean ${written}?`
      : siblings.length === 0
        ? 'take it out'
        : `${where} has ${siblings.join(', ')}`
  return { path, text: `is not a known setting; ${advice}` }
}

/** The setting that was meant: the same name in another spelling here or elsewhere, else the nearest here or elsewhere. */
function suggested(name: string, section: Path, siblings: readonly string[], all: readonly Path[]): Path | undefined {
  const spelled = siblings.find((sibling) => isSameName(sibling, name))
  if (spelled !== undefined) return [...section, spelled]
  const same = all.find((path) => isSameName(String(path.at(-1)), name))
  if (same !== undefined) return same
  const near = nearest(name, siblings)
  if (near !== undefined) return [...section, near]
  const far = nearest(name, new Set(all.map((path) => String(path.at(-1)))))
  return all.find((path) => path.at(-1) === far)
}

const asVariable = (variable: string, path: Path): string =>
  `${variable.startsWith('DK_') ? 'DK' : 'DRAKKAR'}_${path.join('__').toUpperCase()}`
