import { camelName } from '../../src/config/camel-case.ts'
import type { JsonSchema } from '../../src/config/json-schema.ts'

const HEAD = `// Made from src/config/schema by \`node --conditions=drakkar-src scripts/gen-reference.ts\`: change the schema, not this file.
`

/** The source text of the type \`Config\`: the schema's settings in camelCase, complete and read-only. */
export function configTypeSource(settings: JsonSchema): string {
  return `${HEAD}
/** The configuration as the code sees it: camelCase, read-only, complete. */
export interface Config ${members(settings, '')}
`
}

function members(section: JsonSchema, indent: string): string {
  const inside = `${indent}  `
  const rows = Object.entries(section.properties ?? {}).flatMap(([name, setting]) => {
    const optional = isNullable(setting) ? '?' : ''
    return [...comment(setting, inside), `${inside}readonly ${camelName(name)}${optional}: ${typeOf(setting, inside)}`]
  })
  return `{\n${rows.join('\n')}\n${indent}}`
}

function comment(setting: JsonSchema, indent: string): string[] {
  const shown =
    setting.default === undefined || typeof setting.default === 'object'
      ? ''
      : ` Default \`${JSON.stringify(setting.default).replaceAll('"', '')}\`.`
  const text = `${setting.description ?? ''}${setting.default === '' ? '' : shown}`.trim()
  return text === '' ? [] : [`${indent}/** ${text.replaceAll('*/', '*\\/')} */`]
}

const isNullable = (setting: JsonSchema): boolean => setting.anyOf?.some((choice) => choice.type === 'null') ?? false

function typeOf(setting: JsonSchema, indent: string): string {
  if (setting.properties !== undefined) return members(setting, indent)
  if (setting.enum !== undefined) return setting.enum.map(literal).join(' | ')
  if (setting.const !== undefined) return literal(setting.const)
  if (setting.anyOf !== undefined) {
    const choices = setting.anyOf.filter((choice) => choice.type !== 'null')
    return choices.map((choice) => typeOf(choice, indent)).join(' | ')
  }
  if (setting.items !== undefined) return `readonly ${typeOf(setting.items, indent)}[]`
  if (Array.isArray(setting.type)) return setting.type.join(' | ')
  if (setting.type === 'object') {
    const value = setting.additionalProperties
    if (typeof value === 'object' && value.properties !== undefined) {
      return `{\n${indent}  readonly [name: string]: ${typeOf(value, `${indent}  `)}\n${indent}}`
    }
    return `Readonly<Record<string, ${typeof value === 'object' ? typeOf(value, indent) : 'unknown'}>>`
  }
  if (setting.type === 'integer' || setting.type === 'number') return 'number'
  return typeof setting.type === 'string' ? setting.type : 'unknown'
}

const literal = (value: string | number): string => (typeof value === 'string' ? `'${value}'` : String(value))
