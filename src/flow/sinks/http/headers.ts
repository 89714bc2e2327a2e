import { createHash } from 'node:crypto'
import { headerProblem } from '../../../lib/index.ts'
import { typeName } from '../json-text.ts'

/** Headers by lower-case name. */
export type Headers = Readonly<Record<string, string>>

/**
 * The headers of a payload.
 *
 * @throws Error for the handler's author where one cannot be set.
 */
export function payloadHeaders(headers: unknown, own: readonly string[]): Headers {
  if (headers === undefined || headers === null) return {}
  if (typeof headers !== 'object' || Array.isArray(headers)) {
    throw new Error(`\`headers\` must be an object, not ${typeName(headers)}`)
  }
  const entries = Object.entries(headers as Record<string, unknown>).filter(([, value]) => value !== undefined)
  for (const [name, value] of entries) {
    if (typeof value !== 'string') throw new Error(`header \`${name}\` must be a string, not ${typeName(value)}`)
    const problem = headerProblem(name, value, own)
    if (problem !== null) throw new Error(`\`headers\`: ${problem}`)
  }
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value as string]))
}

/** Longer ones are refused by services that keep them. */
const LONGEST_KEY = 255

/** A record's id as the value of a header: the same after every replay, and different for different ids. */
export function idempotencyKey(id: string): string {
  const key = encodeURI(id.toWellFormed())
  return key.length <= LONGEST_KEY ? key : `sha256-${createHash('sha256').update(id).digest('hex')}`
}
