/** Operators that run JavaScript in the server, or write somewhere else than the operation says: never sent. */
const REFUSED: ReadonlySet<string> = new Set(['$where', '$function', '$accumulator', '$out', '$merge'])

/** The first such operator anywhere in a filter or update; null where there is none. */
export function refusedMongoOperator(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return null
  for (const [name, inner] of Object.entries(value)) {
    if (REFUSED.has(name)) return name
    const found = refusedMongoOperator(inner)
    if (found !== null) return found
  }
  return null
}
