import type { Cell } from './cell.ts'

/** What a column or a parameter holds, as far as writing it depends on it. */
export interface ColumnType {
  /** As PostgreSQL shows it, for errors. */
  readonly name: string
  /** What a text is cast to; without a length, so that what is too long is refused and not cut. */
  readonly cast: string
  readonly kind: 'json' | 'array' | 'bytes' | 'text' | 'other'
  /** Of an array. */
  readonly element?: ColumnType
}

/** A value that its column cannot hold: the record's own fault. */
export class ValueError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ValueError'
  }
}

/**
 * The text of a value for a column; null is NULL. Without a type (nobody knows it) by what the value is.
 *
 * @throws ValueError
 */
export function encode(value: Cell, type: ColumnType | null, where: string): string | null {
  if (value === null || typeof value === 'string') return value
  if (type === null) return untyped(value)
  if (type.kind === 'json') return jsonText(value, where)
  if (value.kind === 'date') return value.text
  if (value.kind === 'bytes') {
    if (type.kind === 'bytes') return value.text
    throw new ValueError(`${where} is bytes, and it takes ${type.name}`)
  }
  if (value.kind === 'list' && type.kind === 'array') {
    return arrayLiteral(value.items.map((item) => elementOf(item, type, where)))
  }
  if (type.kind === 'text') return jsonText(value, where)
  throw new ValueError(`${where} is ${value.kind === 'list' ? 'a list' : 'an object'}, and it takes ${type.name}`)
}

/** Elements of a nested list are of the same array type: PostgreSQL has one for all dimensions. */
function elementOf(item: Cell, type: ColumnType, where: string): ArrayItem {
  const nested = typeof item === 'object' && item !== null && item.kind === 'list' && type.element?.kind !== 'json'
  if (nested) return { literal: encode(item, type, where) as string }
  return encode(item, type.element ?? null, where)
}

type ArrayItem = string | null | { readonly literal: string }

/** `{"a","b",NULL}`. */
export function arrayLiteral(items: readonly ArrayItem[]): string {
  let text = '{'
  let first = true
  for (const item of items) {
    if (!first) text += ','
    first = false
    if (item === null) text += 'NULL'
    else if (typeof item === 'object') text += item.literal
    else text += SPECIAL.test(item) ? `"${item.replace(ALL_SPECIAL, '\\$&')}"` : `"${item}"`
  }
  return `${text}}`
}

const SPECIAL = /["\\]/
const ALL_SPECIAL = /["\\]/g

type Structured = Exclude<Cell, string | null>

function jsonText(value: Structured, where: string): string {
  if (value.kind === 'date') return JSON.stringify(value.text)
  if (value.kind === 'object') return value.json
  if (value.kind === 'list' && value.json !== null) return value.json
  throw new ValueError(`${where} holds bytes, or a number that is not finite: JSON has neither`)
}

function untyped(value: Structured): string {
  if (value.kind === 'object') return value.json
  if (value.kind !== 'list') return value.text
  return arrayLiteral(
    value.items.map((item) => {
      if (item === null || typeof item === 'string') return item
      return item.kind === 'list' ? { literal: untyped(item) } : untyped(item)
    }),
  )
}
