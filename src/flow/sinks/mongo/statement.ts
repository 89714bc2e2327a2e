import { type BsonCopy, bsonValue } from './bson-copy.ts'

/** An operation of the configuration, as a payload with `op: statement` names it. */
export interface MongoStatement {
  readonly collection: string
  readonly op: 'insert' | 'update_one' | 'update_many' | 'replace_one' | 'delete_one' | 'delete_many'
  readonly filter?: unknown
  readonly update?: unknown
  readonly upsert?: boolean
}

const PARAMETER = /^:([A-Za-z_]\w*)$/

/** Names of the parameters that a statement has, sorted. */
export function parameterNames(statement: MongoStatement): readonly string[] {
  const names = new Set<string>()
  walk([statement.filter, statement.update], names)
  return [...names].sort()
}

function walk(value: unknown, names: Set<string>): void {
  if (typeof value === 'string') {
    const name = PARAMETER.exec(value)?.[1]
    if (name !== undefined) names.add(name)
  } else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) walk(inner, names)
  }
}

/**
 * The parameters of a payload, copied. They are values and never operators: a key that begins with `$` is refused, so that
 * what somebody else sent cannot change what the statement asks.
 *
 * @throws Error where one is missing, or one is there that the statement does not have.
 */
export function boundParameters(
  params: unknown,
  names: readonly string[],
): { readonly values: ReadonlyMap<string, unknown>; readonly bytes: number } {
  const given = params ?? {}
  if (typeof given !== 'object' || Array.isArray(given)) throw new Error('`params` must be an object')
  const missing = names.filter((name) => (given as Record<string, unknown>)[name] === undefined)
  if (missing.length > 0) throw new Error(`\`params\` lacks ${missing.join(', ')}`)
  const extra = Object.keys(given).filter((name) => !names.includes(name))
  if (extra.length > 0) throw new Error(`\`params\` has ${extra.join(', ')}, which the statement does not use`)
  let bytes = 0
  const values = new Map<string, unknown>()
  for (const [name, value] of Object.entries(given)) {
    const copy: BsonCopy = bsonValue(value, `\`params.${name}\``, { operators: false, paths: false })
    bytes += copy.bytes
    values.set(name, copy.value)
  }
  return { values, bytes }
}

/** A filter or update with its parameters: `":x"` becomes the value of x with its type, `"::x"` the text `:x`. */
export function filledIn(value: unknown, values: ReadonlyMap<string, unknown>): unknown {
  if (typeof value === 'string') {
    const name = PARAMETER.exec(value)?.[1]
    if (name !== undefined) return values.get(name)
    return value.startsWith('::') ? value.slice(1) : value
  }
  if (Array.isArray(value)) return value.map((inner) => filledIn(inner, values))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filledIn(inner, values)]))
}
