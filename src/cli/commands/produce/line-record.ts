import { isUtf8 } from 'node:buffer'
import { reasonOf } from '../../../model/index.ts'

/** How lines become records. */
export interface LineRules {
  /** Any text is sent; nothing is checked. */
  readonly raw: boolean
  /** Field of the JSON object that becomes the key; dots lead into objects. */
  readonly key?: string
}

/** What to do with a line: send it, pass over a blank one, or complain. */
export type LineRecord =
  | { readonly kind: 'record'; readonly key: Buffer | null; readonly value: Buffer }
  | { readonly kind: 'blank' }
  | { readonly kind: 'bad'; readonly reason: string }

/** A line as a record. The value is the line itself, byte for byte; JSON is only checked. */
export function lineRecord(line: Buffer, rules: LineRules): LineRecord {
  if (rules.raw) return { kind: 'record', key: null, value: line }
  if (!isUtf8(line)) return bad('it is not UTF-8')
  const text = line.toString('utf8')
  if (text.trim() === '') return { kind: 'blank' }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    return bad(`it is not JSON: ${reasonOf(error)}`)
  }
  if (rules.key === undefined) return { kind: 'record', key: null, value: line }
  const key = fieldAt(parsed, rules.key)
  if (typeof key === 'string' || typeof key === 'number' || typeof key === 'boolean') {
    return { kind: 'record', key: Buffer.from(String(key)), value: line }
  }
  if (key === undefined) return bad(`it has no field ${rules.key} for the key`)
  return bad(`its field ${rules.key} is ${key === null ? 'null' : 'not a text, number or boolean'} and cannot be a key`)
}

function bad(reason: string): LineRecord {
  return { kind: 'bad', reason }
}

/** What a dotted path leads to; undefined where nothing. A field that has the whole name wins over a path of the same spelling. */
export function fieldAt(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path]
  const dot = path.indexOf('.')
  if (dot === -1 || !Object.hasOwn(value, path.slice(0, dot))) return undefined
  return fieldAt((value as Record<string, unknown>)[path.slice(0, dot)], path.slice(dot + 1))
}
