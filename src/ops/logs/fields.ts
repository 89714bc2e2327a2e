import { redactSecrets } from '../../lib/index.ts'
import { reasonOf } from '../../model/index.ts'

/** What a line says besides its event. */
export type Fields = Readonly<Record<string, unknown>>

/** Keys that every line has; a field of the same name is written as `field_<name>`. */
const RESERVED: ReadonlySet<string> = new Set([
  'timestamp',
  'level',
  'event',
  'service_name',
  'service_version',
  'worker_id',
  'consumer_group',
])

const MAX_TEXT = 4_000

// What V8 says of bad JSON quotes the text around the place: that is payload.
const JSON_EXCERPT = /, (?:\.\.\.)?"[\s\S]*"(?:\.\.\.)? is not valid JSON/g

/** A text fit for a log: no credentials, no pieces of a payload that was no JSON, not endless. */
export function safeText(text: string): string {
  const safe = redactSecrets(text.replace(JSON_EXCERPT, ' (not valid JSON)'))
  return safe.length > MAX_TEXT ? `${safe.slice(0, MAX_TEXT)}…` : safe
}

/** What was thrown, as fields: one line in `error`, and where it came from in `stack`. */
export function errorFields(thrown: unknown): Record<string, unknown> {
  const fields: Record<string, unknown> = { error: safeText(reasonOf(thrown)) }
  if (thrown instanceof Error && thrown.stack !== undefined) fields['stack'] = safeText(thrown.stack)
  return fields
}

/** Fields of anybody, made fit for a line: errors become text, texts lose credentials, reserved names give way. */
export function cleanFields(fields: Fields): Record<string, unknown> {
  const clean: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    const key = RESERVED.has(name) ? `field_${name}` : name
    if (typeof value === 'string') clean[key] = safeText(value)
    else if (value instanceof Error) {
      clean[key] = safeText(reasonOf(value))
      if (value.stack !== undefined) clean['stack'] ??= safeText(value.stack)
    } else clean[key] = value
  }
  return clean
}
