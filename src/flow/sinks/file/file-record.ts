import type { FileOutput } from '../../../model/index.ts'
import { jsonText, typeName } from '../json-text.ts'
import { type CsvOptions, type CsvRow, csvRow } from './csv.ts'
import { fillFromPayload } from './path-template.ts'
import { relativePath } from './relative-path.ts'

export type FileFormat = 'jsonl' | 'csv' | 'raw'

/** What a payload goes by. */
export interface FileRules {
  readonly format: FileFormat
  /** Of payloads that name none, with placeholders; empty: each must name one. */
  readonly path: string
  readonly csv: CsvOptions
}

/** A `FileOutput` taken apart. */
export interface FileRecord {
  /** Relative, without empty, `.` and `..` parts; where `template` is true with placeholders of the record. */
  readonly path: string
  readonly template: boolean
  /** JSON and a line feed, or the bytes as they are; a row of CSV gets its columns from its file. */
  readonly content: string | Buffer | CsvRow
}

/**
 * Takes an output apart.
 *
 * @throws Error for the handler's author where that cannot be done, or the path would leave the base folder.
 */
export function fileRecord(output: unknown, rules: FileRules, now: () => number): FileRecord {
  if (typeof output !== 'object' || output === null) throw new Error('must be an object { path, data }')
  const { path, data, key, timestamp } = output as Partial<FileOutput>
  if (data === undefined) throw new Error('`data` is missing')
  const at = timestamp ?? now()
  if (!Number.isFinite(at) || Math.abs(at) > 8.64e15) {
    throw new Error('`timestamp` must be a time in milliseconds')
  }
  const content = contentOf(data, rules)
  if (path !== undefined) return { path: relativePath(path), template: false, content }
  if (rules.path === '') throw new Error('`path` is missing: give one, or set `path` for the sink')
  const filled = fillFromPayload(rules.path, { key, data, timestamp: at })
  return { path: relativePath(filled), template: true, content }
}

/** About the bytes that it takes. */
export function recordBytes({ content }: FileRecord): number {
  if (typeof content === 'string' || Buffer.isBuffer(content)) return content.length
  let bytes = 2
  for (const text of (content as CsvRow).values()) bytes += text.length + 1
  return bytes
}

function contentOf(data: unknown, { format, csv }: FileRules): FileRecord['content'] {
  if (format === 'csv') return csvRow(data, csv)
  if (format === 'jsonl') return `${jsonText(data)}\n`
  if (typeof data === 'string') return Buffer.from(data, 'utf8')
  if (data instanceof Uint8Array) return Buffer.from(data)
  throw new Error(`\`data\` must be a string or bytes with \`format: raw\`, not ${typeName(data)}`)
}
