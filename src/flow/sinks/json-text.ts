/**
 * JSON of a value.
 *
 * @throws Error where it has none: a function, a BigInt or a cycle inside it, a number that is not finite.
 */
export function jsonText(data: unknown): string {
  let json: string | undefined
  try {
    json = typeof data === 'number' && !Number.isFinite(data) ? undefined : JSON.stringify(data)
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    throw new Error(`\`data\` cannot become JSON: ${reason}`, { cause: error })
  }
  if (json === undefined) throw new Error(`\`data\` cannot become JSON: it is ${typeName(data)}`)
  return json
}

/** What a value is, for an error message. */
export function typeName(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `of type ${typeof value}`
}
