import { typeName } from '../json-text.ts'

/**
 * A value of a payload, taken once, in a form that does not know its column yet. A text is PostgreSQL's own form of the
 * value, whatever the type.
 */
export type Cell =
  | string
  | null
  | { readonly kind: 'date'; readonly text: string }
  | { readonly kind: 'bytes'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Cell[]; readonly json: string | null; readonly bytes: number }
  | { readonly kind: 'object'; readonly json: string }

/** Says where a value is; only errors ask. */
type Where = () => string

/**
 * Takes a value.
 *
 * @throws Error, with `where`, for what no column can hold.
 */
export function cell(value: unknown, where: Where): Cell {
  if (value === null) return null
  if (typeof value === 'string') return plainText(value, where)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (typeof value === 'object') return objectCell(value, where)
  throw new Error(`${where()} is ${typeName(value)}: no column can hold that`)
}

/** Bytes of a cell, about. */
export function cellBytes(value: Cell): number {
  if (value === null) return 1
  if (typeof value === 'string') return value.length
  if (value.kind === 'list') return value.bytes
  return value.kind === 'object' ? value.json.length : value.text.length
}

function objectCell(value: object, where: Where): Cell {
  if (value instanceof Date) return { kind: 'date', text: dateText(value, where) }
  if (value instanceof Uint8Array) {
    const text = `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
    return { kind: 'bytes', text }
  }
  refuseOpaque(value, where)
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value
    if (hasCycle(list)) throw new Error(`${where()} holds itself`)
    const items = Array.from(list, (item, index) =>
      item === undefined ? null : cell(item, () => `${where()}[${index}]`),
    )
    const json = jsonOrNull(list, where)
    return { kind: 'list', items, json, bytes: items.reduce((sum, item) => sum + cellBytes(item) + 1, 2) }
  }
  // What says itself how it is written (a decimal, a URL) is that, not an object.
  if ('toJSON' in value && typeof value.toJSON === 'function') return cell(value.toJSON(), where)
  return { kind: 'object', json: strictJson(value, where) }
}

function plainText(text: string, where: Where): string {
  if (text.includes('\0')) throw new Error(`${where()} has a NUL in it: PostgreSQL's texts cannot hold one`)
  if (!text.isWellFormed()) throw new Error(`${where()} has half a surrogate pair in it: that is no text`)
  return text
}

const YEAR_1 = Date.parse('0001-01-01T00:00:00Z')
const YEAR_10_000 = Date.parse('+010000-01-01T00:00:00Z')

/** ISO; years as PostgreSQL writes them. */
function dateText(date: Date, where: Where): string {
  const time = date.getTime()
  if (Number.isNaN(time)) throw new Error(`${where()} is an invalid date`)
  const iso = date.toISOString()
  if (time >= YEAR_1 && time < YEAR_10_000) return iso
  const year = date.getUTCFullYear()
  const rest = iso.slice(iso.indexOf('-', 1))
  // Year 0 is 1 BC.
  return year > 9999 ? `${year}${rest}` : `${String(1 - year).padStart(4, '0')}${rest} BC`
}

function refuseOpaque(value: object, where: Where): void {
  if (value instanceof Map || value instanceof Set || value instanceof WeakMap || value instanceof WeakSet) {
    throw new Error(`${where()} is a ${value.constructor.name}: give a list or an object`)
  }
  if (value instanceof Promise) throw new Error(`${where()} is a promise: await it first`)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    throw new Error(`${where()} is a ${value.constructor.name}: give a Buffer or Uint8Array, or a list of numbers`)
  }
}

/** JSON without what JSON would change silently: NaN, Infinity, bytes, maps. */
function strictJson(value: unknown, where: Where): string {
  let json: string | undefined
  try {
    json = JSON.stringify(value, function check(this: Readonly<Record<string, unknown>>, key, shown: unknown) {
      const own = this[key]
      if (typeof shown === 'number' && !Number.isFinite(shown)) throw new Error(`\`${key}\` is ${shown}`)
      if (own instanceof Date && Number.isNaN(own.getTime())) throw new Error(`\`${key}\` is an invalid date`)
      if (own instanceof Uint8Array) throw new Error(`\`${key}\` is bytes`)
      if (typeof own === 'object' && own !== null) refuseOpaque(own, () => `\`${key}\``)
      return shown
    })
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    throw new Error(`${where()} cannot become JSON: ${reason}`, { cause: error })
  }
  if (json === undefined) throw new Error(`${where()} cannot become JSON`)
  return json
}

/** A list may still be for an array column where it is not for a JSON one. */
function jsonOrNull(value: unknown, where: Where): string | null {
  try {
    return strictJson(value, where)
  } catch {
    return null
  }
}

function hasCycle(value: unknown, above: readonly unknown[] = []): boolean {
  if (!Array.isArray(value)) return false
  if (above.includes(value)) return true
  const here = [...above, value]
  return value.some((item) => hasCycle(item, here))
}
