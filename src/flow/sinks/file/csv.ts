import { jsonText, typeName } from '../json-text.ts'

export interface CsvOptions {
  /** In this order; other fields are left out. Null: the fields of a file's first record, in their order. */
  readonly columns: readonly string[] | null
  readonly delimiter: string
  /** A line with the names first. */
  readonly header: boolean
  /** Puts `'` before texts that a spreadsheet would take for a formula. */
  readonly escapeFormulas: boolean
}

/** The fields of a record as texts, by name, in their order. */
export type CsvRow = ReadonlyMap<string, string>

/**
 * Takes the fields of a record apart: texts as they are, dates as ISO 8601, null and undefined as nothing, lists and
 * objects as JSON.
 *
 * @throws Error for the handler's author where a value has no such form.
 */
export function csvRow(data: unknown, { columns, escapeFormulas }: CsvOptions): CsvRow {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof Uint8Array) {
    throw new Error(`\`data\` must be an object of fields with \`format: csv\`, not ${typeName(data)}`)
  }
  const fields = data as Record<string, unknown>
  const row = new Map<string, string>()
  for (const name of columns ?? Object.keys(fields)) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined
    const text = fieldText(name, value)
    row.set(name, escapeFormulas && typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${text}` : text)
  }
  if (row.size === 0) throw new Error('`data` has no fields: a line of CSV needs at least one')
  return row
}

/** A line with its end, quoted as RFC 4180 has it; what a row lacks is empty. */
export function csvLine(row: CsvRow, columns: readonly string[], delimiter: string): string {
  return `${columns.map((name) => quoted(row.get(name) ?? '', delimiter)).join(delimiter)}\r\n`
}

export const csvHeader = (columns: readonly string[], delimiter: string): string =>
  `${columns.map((name) => quoted(name, delimiter)).join(delimiter)}\r\n`

/** Fields that there is no column for. */
export function strayFields(row: CsvRow, columns: readonly string[]): readonly string[] {
  return [...row.keys()].filter((name) => !columns.includes(name))
}

function quoted(text: string, delimiter: string): string {
  const special = text.includes('"') || text.includes('\n') || text.includes('\r') || text.includes(delimiter)
  return special ? `"${text.replaceAll('"', '""')}"` : text
}

function fieldText(name: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
  if (value instanceof Date || value instanceof Uint8Array || typeof value !== 'object') {
    const shown = value instanceof Date ? 'no valid date' : value instanceof Uint8Array ? 'bytes' : typeName(value)
    throw new Error(`\`data.${name}\` is ${shown}, which CSV cannot hold: make it a text`)
  }
  return jsonText(value)
}
