import type { Header, KafkaOutput } from '../../../model/index.ts'
import { jsonText, typeName } from '../json-text.ts'

/** A `KafkaOutput` as bytes. */
export interface KafkaRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly Header[]
  readonly partition?: number
  readonly timestamp?: number
}

/**
 * Takes an output apart into bytes.
 *
 * @throws Error for the handler's author where that cannot be done.
 */
export function kafkaRecord(output: unknown): KafkaRecord {
  if (typeof output !== 'object' || output === null) throw new Error('must be an object { key?, data, headers? }')
  const { key, data, headers, partition, timestamp } = output as Partial<KafkaOutput>
  return {
    key: keyBytes(key),
    value: valueBytes(data),
    headers: headerList(headers),
    ...(partition === undefined ? {} : { partition: wholeNumber('partition', partition) }),
    ...(timestamp === undefined ? {} : { timestamp: wholeNumber('timestamp', timestamp) }),
  }
}

/** Bytes of a record, about as they count against `message.max.bytes`. */
export function recordBytes(record: KafkaRecord): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of record.headers) bytes += name.length + (value?.length ?? 0)
  return bytes
}

/** Text as UTF-8 or a copy of bytes; undefined where it is neither. */
function bytesOf(value: unknown): Buffer | undefined {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  return value instanceof Uint8Array ? Buffer.from(value) : undefined
}

function keyBytes(key: unknown): Buffer | null {
  if (key === undefined || key === null) return null
  const bytes = bytesOf(key)
  if (bytes === undefined) throw new Error(`\`key\` must be a string, bytes or null, not ${typeName(key)}`)
  return bytes
}

function valueBytes(data: unknown): Buffer | null {
  if (data === null) return null
  if (data === undefined) throw new Error('`data` is missing; null makes a tombstone')
  return bytesOf(data) ?? Buffer.from(jsonText(data), 'utf8')
}

function headerList(headers: unknown): Header[] {
  if (headers === undefined || headers === null) return []
  if (typeof headers !== 'object') throw new Error(`\`headers\` must be an object or a list, not ${typeName(headers)}`)
  const entries: readonly unknown[] = Array.isArray(headers) ? headers : Object.entries(headers)
  return entries.map((entry): Header => {
    const [name, value] = Array.isArray(entry) ? (entry as unknown[]) : []
    if (typeof name !== 'string') throw new Error('`headers`: each must be a pair [name, value]')
    if (value === null) return [name, null]
    const bytes = bytesOf(value)
    if (bytes === undefined) throw new Error(`header \`${name}\` must be a string or bytes, not ${typeName(value)}`)
    return [name, bytes]
  })
}

function wholeNumber(field: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new Error(
    `\`${field}\` must be a whole number from 0, not ${typeof value === 'number' ? value : typeName(value)}`,
  )
}
