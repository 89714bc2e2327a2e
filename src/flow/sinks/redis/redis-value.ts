import { jsonText, typeName } from '../json-text.ts'

/** What goes to Redis as one argument. */
export type RedisArgument = string | Buffer

/**
 * A value as Redis stores it: text and bytes as they are (bytes are copied), numbers and BigInts in decimals, a Date in
 * ISO 8601, everything else as JSON. `what` names the value in errors.
 *
 * @throws Error for the handler's author: null and undefined, numbers that are not finite, what has no JSON.
 */
export function redisValue(value: unknown, what: string): RedisArgument {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (typeof value === 'bigint') return value.toString()
  if (value === undefined || value === null) throw new Error(`${what} is missing: Redis has no value for ${value}`)
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new Error(`${what} is not a valid date`)
    return value.toISOString()
  }
  try {
    return jsonText(value)
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace('`data`', 'it') : ''
    throw new Error(`${what}: ${reason}`, { cause: error })
  }
}

/** A key or channel: text that is not empty and survives as UTF-8. */
export function redisName(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`${what} must be a string, not ${typeName(value)}`)
  if (value === '') throw new Error(`${what} is empty`)
  if (!value.isWellFormed()) throw new Error(`${what} has half a surrogate pair in it, which UTF-8 cannot hold`)
  return value
}

/** A whole number, also a BigInt, as decimals; JavaScript numbers only where they are exact. */
export function redisInteger(value: unknown, what: string): string {
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return value.toString()
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  const shown = typeof value === 'number' || typeof value === 'bigint' ? String(value) : typeName(value)
  throw new Error(`${what} must be a whole number of at most 64 bits, not ${shown}`)
}

/** The score of a member of a sorted set; the infinities have names of their own. */
export function redisScore(value: unknown, what: string): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new Error(`${what} must be a number, not ${typeof value === 'number' ? 'NaN' : typeName(value)}`)
  }
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+inf' : '-inf'
}

/** A time to live in seconds, which may have a fraction, as milliseconds. */
export function redisTtl(value: unknown, what = '`ttl`'): string {
  const ms = typeof value === 'number' ? Math.round(value * 1000) : Number.NaN
  if (Number.isSafeInteger(ms) && ms >= 1) return String(ms)
  const shown = typeof value === 'number' ? String(value) : typeName(value)
  throw new Error(`${what} must be seconds, at least 0.001, not ${shown}`)
}
