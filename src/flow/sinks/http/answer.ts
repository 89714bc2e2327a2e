import { redactSecrets } from '../../../lib/index.ts'
import type { RecordVerdict } from '../sink.ts'

/** What came back, as far as it is needed. */
export interface HttpAnswer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly location: string | undefined
  /** The first bytes of the body. */
  readonly text: string
}

/** Bytes of an answer that an error shows. */
export const SHOWN_BYTES = 500
/** A server that asks for more quiet than this is asked again then, milliseconds. */
const LONGEST_QUIET_MS = 300_000

const PASSING = new Set([408, 425, 429])
/** The server does not know who we are, or not any more. */
const UNAUTHENTICATED = new Set([401, 407])

/** The request that was answered. */
export interface Asked {
  /** For errors. */
  readonly what: string
  /** Credentials, if any, were those of the sink, so that every record gets the same answer. */
  readonly asSink: boolean
  /** Texts that an answer may repeat and an error must not. */
  readonly secrets: () => readonly string[]
}

/**
 * 2xx is taken; 408, 425, 429 and 5xx may pass, and so does what is wrong with the sink's own credentials; everything else
 * is refused again, whoever sends it.
 */
export function answerKind(status: number, asSink: boolean): 'ok' | 'transient' | 'permanent' {
  if (status >= 200 && status < 300) return 'ok'
  if (UNAUTHENTICATED.has(status)) return asSink ? 'transient' : 'permanent'
  return PASSING.has(status) || status >= 500 ? 'transient' : 'permanent'
}

/** What an answer says of a record. */
export function judgeAnswer(answer: HttpAnswer, { what, asSink, secrets }: Asked, nowMs: number): RecordVerdict {
  const kind = answerKind(answer.status, asSink)
  if (kind === 'ok') return { ok: true }
  const error = new Error(`${what}: answered ${answer.status}${hint(answer)}${shownText(answer.text, secrets())}`)
  const retryAfterMs = kind === 'transient' ? retryAfter(answer.retryAfter, nowMs) : null
  return { ok: false, kind, error, ...(retryAfterMs === null ? {} : { retryAfterMs }) }
}

/** Milliseconds that a `Retry-After` asks for, in seconds or as a date; at most five minutes. Null: nothing usable. */
export function retryAfter(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null
  const text = value.trim()
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return Number.isNaN(ms) ? null : Math.min(LONGEST_QUIET_MS, Math.max(0, ms))
}

function hint({ status, location }: HttpAnswer): string {
  if (status >= 300 && status < 400) {
    const to = location === undefined ? '' : ` to ${redactSecrets(location.slice(0, 200)).replace(/[?#].*$/, '')}`
    return `, a redirect${to}: use the new address in \`url\`, or set \`max_redirects\` (only 307 and 308 are followed)`
  }
  if (status === 401 || status === 403 || status === 407)
    return ', no permission: check the credentials (`headers`, `bearer_token_file`)'
  return status === 405 ? ', not this method: check `method`' : ''
}

function shownText(text: string, secrets: readonly string[]): string {
  if (text === '') return ''
  let shown = redactSecrets(text)
  for (const secret of secrets) shown = shown.replaceAll(secret, '***')
  // One line, so that a log stays readable.
  return `: ${shown.replaceAll(/\s+/g, ' ').trim()}`
}
