import { createHash } from 'node:crypto'
import { typeName } from '../json-text.ts'

/** Longer values are cut, so that no name gets too long for a file system. */
const LONGEST_VALUE = 150

/** What a payload gives to the placeholders of a path. */
export interface PathValues {
  readonly key: unknown
  readonly data: unknown
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** What only the delivery knows. */
export interface RecordPlace {
  readonly id: string
  readonly topic: string
  readonly partition: number
}

/**
 * Fills in what the payload gives: `{key}`, `{date}` and `{hour}` (UTC), and fields of the data such as `{data.user.id}`.
 *
 * @throws Error for the handler's author where a value is missing or is no text, number or boolean.
 */
export function fillFromPayload(template: string, { key, data, timestamp }: PathValues): string {
  if (!template.includes('{')) return template
  return template.replaceAll(/\{([^{}]+)\}/g, (placeholder, name: string) => {
    if (name === 'key') return named(placeholder, key)
    if (name.startsWith('data.')) return named(placeholder, fieldOf(data, name.split('.').slice(1)))
    const time = new Date(timestamp).toISOString()
    if (name === 'date') return time.slice(0, 10)
    return name === 'hour' ? time.slice(11, 13) : placeholder
  })
}

/** Fills in the rest: `{topic}`, `{partition}` and `{id}`. */
export function fillFromRecord(path: string, { id, topic, partition }: RecordPlace): string {
  if (!path.includes('{')) return path
  return path
    .replaceAll('{topic}', () => safeName(topic))
    .replaceAll('{partition}', String(partition))
    .replaceAll('{id}', () => safeName(id))
}

/**
 * A text as a part of a file name: different texts give different names, and none leaves its folder or is hidden. What is
 * not a letter, a digit or one of `-_.=@+,:~` is written as `%xx`.
 */
export function safeName(text: string): string {
  if (text === '') return '%'
  const name = text.toWellFormed().replaceAll(/[^\p{L}\p{N}\-_=@+,:~.]|^\./gu, escaped)
  const bytes = Buffer.from(name)
  if (bytes.length <= LONGEST_VALUE) return name
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 32)
  // A character that is cut in the middle goes whole.
  return `${bytes
    .subarray(0, LONGEST_VALUE - 34)
    .toString()
    .replace(/\uFFFD+$/, '')}~${hash}`
}

const escaped = (char: string): string =>
  [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')

function named(placeholder: string, value: unknown): string {
  const plain = value instanceof Uint8Array ? Buffer.from(value).toString() : value
  if (typeof plain === 'string') return safeName(plain)
  if (typeof plain === 'number' || typeof plain === 'bigint' || typeof plain === 'boolean')
    return safeName(String(plain))
  const is = plain === undefined || plain === null ? 'is missing' : `is ${typeName(plain)}`
  throw new Error(`the path of the sink needs \`${placeholder.slice(1, -1)}\`, which ${is}`)
}

function fieldOf(data: unknown, path: readonly string[]): unknown {
  let value = data
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
