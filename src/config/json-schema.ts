import { z } from 'zod'
import { schema } from './schema/index.ts'

/** The part of JSON Schema that the configuration uses. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly (string | number)[]
  readonly const?: string | number
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly pattern?: string
  readonly additionalProperties?: boolean | JsonSchema
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly minItems?: number
}

/** The schema of the settings as they are checked, without what is only accepted for convenience. */
export const settings: JsonSchema = z.toJSONSchema(schema, {
  io: 'input',
  override: ({ jsonSchema }) => {
    // What zod adds to every integer says nothing to a person.
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    if (jsonSchema.default !== undefined && jsonSchema.properties !== undefined) delete jsonSchema.default
  },
}) as JsonSchema
