import { isUtf8 } from 'node:buffer'
import { type Decode, type Handler, type Message, type RawMessage, reasonOf } from '../model/index.ts'

/** A record that could not be decoded or that the schema refused. */
export interface ParseFailure {
  readonly failed: true
  readonly reason: string
}

/** What became of a record: a message, or the reason why not. */
export type Parsed = { readonly failed: false; readonly message: Message } | ParseFailure

/** Turns raw records into messages for one handler. Never throws and never rejects. */
export type Parse = (raw: RawMessage) => Parsed | Promise<Parsed>

/** Decodes by `handler.decode`, validates by `handler.input`, labels by `handler.messageLabel`. */
export function createParse(handler: Handler): Parse {
  const decode = decoder(handler.decode ?? 'json')
  const schema = handler.input?.['~standard']
  const label = handler.messageLabel?.bind(handler)
  const finish = (raw: RawMessage, payload: unknown): Parsed => ({
    failed: false,
    message: toMessage(raw, payload, label),
  })
  return (raw) => {
    try {
      const decoded = decode(raw)
      if (schema === undefined) return finish(raw, decoded)
      const checked = schema.validate(decoded)
      if (checked instanceof Promise) return checked.then((result) => judge(raw, result, finish), refuse)
      return judge(raw, checked, finish)
    } catch (error) {
      return refuse(error)
    }
  }
}

type Checked = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly Issue[] }
interface Issue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

function judge(raw: RawMessage, checked: Checked, finish: (raw: RawMessage, payload: unknown) => Parsed): Parsed {
  if (checked.issues === undefined) return finish(raw, checked.value)
  const shown = checked.issues.slice(0, 5).map(describeIssue)
  const more = checked.issues.length - shown.length
  return {
    failed: true,
    reason: `the payload does not fit the schema: ${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
  }
}

function describeIssue(issue: Issue): string {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return path === '' ? issue.message : `${path}: ${issue.message}`
}

function refuse(error: unknown): ParseFailure {
  return { failed: true, reason: reasonOf(error) }
}

function toMessage(raw: RawMessage, payload: unknown, label: Handler['messageLabel']): Message {
  return { ...raw, payload, label: labelOf(raw, payload, label) }
}

/** A label is for people: a `messageLabel` that throws or answers nonsense must not cost the message. */
function labelOf(raw: RawMessage, payload: unknown, label: Handler['messageLabel']): string {
  if (label !== undefined) {
    try {
      const text: unknown = label({ ...raw, payload })
      if (typeof text === 'string' && text !== '') return text
    } catch {
      return `${raw.partition}:${raw.offset}`
    }
  }
  return `${raw.partition}:${raw.offset}`
}

function decoder(decode: Decode): (raw: RawMessage) => unknown {
  if (typeof decode === 'function') {
    return (raw) => {
      const value = decode(raw.value, raw)
      if (value instanceof Promise) throw new Error('decode must be synchronous, but returned a promise')
      return value
    }
  }
  if (decode === 'bytes') return (raw) => raw.value
  if (decode === 'text') return (raw) => (raw.value === null ? null : utf8(raw.value))
  return (raw) => {
    if (raw.value === null) return null
    if (raw.value.length === 0) throw new Error('the value is empty, and empty is not JSON')
    return JSON.parse(utf8(raw.value)) as unknown
  }
}

function utf8(value: Buffer): string {
  if (!isUtf8(value)) throw new Error('the value is not valid UTF-8')
  const text = value.toString('utf8')
  return text.codePointAt(0) === 0xfeff ? text.slice(1) : text
}
