import type { JsonSchema } from './json-schema.ts'
import type { Path } from './tree.ts'

/** The setting or section at a path; undefined where the path names none. */
export function settingAt(settings: JsonSchema, path: Path): JsonSchema | undefined {
  let here: JsonSchema | undefined = settings
  for (const step of path) {
    if (here === undefined) return undefined
    here = typeof step === 'number' ? here.items : inside(here, step)
  }
  return here
}

function inside(section: JsonSchema, name: string): JsonSchema | undefined {
  if (section.properties !== undefined) {
    return Object.hasOwn(section.properties, name) ? section.properties[name] : undefined
  }
  if (section.type !== 'object') return undefined
  return typeof section.additionalProperties === 'object' ? section.additionalProperties : {}
}

/** The forms that a value may have, without the null that stands for "not given". */
export const forms = (setting: JsonSchema): readonly JsonSchema[] =>
  setting.anyOf?.filter((choice) => choice.type !== 'null') ?? [setting]

export const mayBeNull = (setting: JsonSchema): boolean => setting.anyOf?.some(({ type }) => type === 'null') ?? false

export const isSection = (setting: JsonSchema): boolean => setting.type === 'object'

/** Every setting below a section with its path; instances stand as `<name>`. */
export function* allSettings(
  section: JsonSchema,
  path: readonly string[] = [],
): Generator<[readonly string[], JsonSchema]> {
  for (const [name, setting] of Object.entries(section.properties ?? {})) {
    const here = [...path, name]
    yield [here, setting]
    yield* allSettings(setting, here)
    if (typeof setting.additionalProperties === 'object' && setting.additionalProperties.properties !== undefined) {
      yield* allSettings(setting.additionalProperties, [...here, '<name>'])
    }
  }
}

/** What a setting may be, in words, to be read after "it must be". */
export function allowed(setting: JsonSchema): string {
  return `${forms(setting).map(oneForm).join(' or ')}${mayBeNull(setting) ? ', or left out' : ''}`
}

function oneForm(setting: JsonSchema): string {
  if (setting.enum !== undefined)
    return setting.enum.length === 1 ? `${setting.enum[0]}` : `one of ${setting.enum.join(', ')}`
  if (setting.const !== undefined) return String(setting.const)
  if (setting.type === 'integer') return `a whole number${bounds(setting)}`
  if (setting.type === 'number') return `a number${bounds(setting)}`
  if (setting.type === 'boolean') return 'true or false'
  if (setting.pattern !== undefined) return `a text that matches ${setting.pattern}`
  if (setting.type === 'string') return setting.minLength === undefined ? 'a text' : 'a text that is not empty'
  if (setting.type === 'array') return `a text or a list of them${setting.minItems === undefined ? '' : ', not empty'}`
  if (setting.type === 'object') return 'a section (`key: value` lines)'
  return 'a text, a number, true or false'
}

function bounds({ minimum, maximum }: JsonSchema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  if (minimum !== undefined) return `, ${minimum} or more`
  return maximum === undefined ? '' : `, ${maximum} or less`
}
