import { type JsonSchema, settings } from './json-schema.ts'
import { KNOWN_UNBUILT } from './layers/unbuilt.ts'

/** Numbers of a map of texts are taken as they are spelled. */
const SCALAR: JsonSchema = { type: ['string', 'number', 'boolean'] }
const FILLED_IN: JsonSchema = { type: 'string', pattern: '\\$\\{.+\\}' }

/**
 * JSON Schema of the configuration file, for editors: what the file may say, with the forms that are accepted beside the
 * plain one (`${…}` for a number, one text for a list, an empty section) and without older names.
 */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Drakkar configuration',
    ...(relaxed(settings) as object),
    properties: {
      ...relaxed(settings).properties,
      ...Object.fromEntries(
        KNOWN_UNBUILT.map((name) => [name, { description: 'Known, not available yet: has no effect.' }]),
      ),
    },
  }
}

function relaxed(setting: JsonSchema): JsonSchema {
  if (setting.items !== undefined) {
    const { description, default: fallback, ...list } = setting
    return { ...head(description, fallback), anyOf: [{ ...list, items: setting.items }, { type: 'string' }] }
  }
  if (setting.properties !== undefined) {
    const properties = Object.entries(setting.properties).map(([name, inner]) => [name, relaxed(inner)] as const)
    return { ...setting, type: ['object', 'null'], properties: Object.fromEntries(properties) }
  }
  if (setting.type === 'object') {
    const inner = setting.additionalProperties
    const values =
      typeof inner === 'object' ? { additionalProperties: relaxed(inner.type === 'string' ? SCALAR : inner) } : {}
    return { ...setting, type: ['object', 'null'], ...values }
  }
  if (setting.type === 'string' && setting.enum === undefined) return setting
  if (setting.anyOf === undefined && setting.type === undefined) return setting
  if (Array.isArray(setting.type)) return setting
  const { description, default: fallback, ...form } = setting
  return { ...head(description, fallback), anyOf: [...(setting.anyOf ?? [form]), FILLED_IN] }
}

const head = (description: string | undefined, fallback: unknown): JsonSchema => ({
  ...(description === undefined ? {} : { description }),
  ...(fallback === undefined ? {} : { default: fallback }),
})
