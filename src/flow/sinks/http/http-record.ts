import type { HttpOutput } from '../../../model/index.ts'
import { jsonText, typeName } from '../json-text.ts'
import { type Encoding, encode } from './encode.ts'
import { type Headers, payloadHeaders } from './headers.ts'
import { type TargetRules, targetOf } from './target.ts'

/** What a payload goes by. */
export interface RecordRules extends TargetRules {
  readonly method: string
  readonly encoding: Encoding
  /** Content type of `raw` bodies; empty: by what the data is. */
  readonly contentType: string
  /** Header with the record's id, in lower case; empty: none. */
  readonly idempotencyHeader: string
  /** Several records in one request. */
  readonly batched: boolean
}

/** An `HttpOutput` as a request, or as an element of one. */
export interface HttpRecord {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  /** Null: the request has no body. An element of a list is JSON, as a text. */
  readonly body: Buffer | string | null
  readonly contentType: string
}

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE']

/**
 * Makes an output to a request.
 *
 * @throws Error for the handler's author where that cannot be done, or it may not go there.
 */
export function httpRecord(output: unknown, rules: RecordRules): HttpRecord {
  if (typeof output !== 'object' || output === null) throw new Error('must be an object { data, path?, headers?, … }')
  const { data, method, path, query, url, headers } = output as Partial<HttpOutput>
  if (rules.batched) return element(output as Partial<HttpOutput>, rules)
  const verb = method ?? rules.method
  if (method !== undefined && !METHODS.includes(method)) {
    const shown = typeof method === 'string' ? JSON.stringify(method) : typeName(method)
    throw new Error(`\`method\` must be one of ${METHODS.join(', ')}, not ${shown}`)
  }
  if (data === undefined && verb !== 'DELETE') throw new Error('`data` is missing')
  const body = data === undefined ? null : encode(data, rules.encoding)
  return {
    method: verb,
    url: targetOf({ path, query, url }, rules),
    headers: payloadHeaders(headers, rules.idempotencyHeader === '' ? [] : [rules.idempotencyHeader]),
    body: body === null ? null : body.bytes,
    contentType: rules.encoding === 'raw' && rules.contentType !== '' ? rules.contentType : (body?.contentType ?? ''),
  }
}

/** About the bytes that it sends. */
export function recordBytes({ url, headers, body }: HttpRecord, { batched }: Pick<RecordRules, 'batched'>): number {
  if (batched) return (body?.length ?? 0) + 1
  let bytes = url.pathname.length + url.search.length + (body?.length ?? 0) + 1
  for (const [name, value] of Object.entries(headers)) bytes += name.length + value.length
  return bytes
}

const NO_HEADERS: Headers = {}

/** One request holds many of these, so none of them has an address, a method or headers of its own. */
function element(output: Partial<HttpOutput>, rules: RecordRules): HttpRecord {
  for (const field of ['method', 'path', 'query', 'url', 'headers'] as const) {
    if (output[field] !== undefined) throw new Error(`\`${field}\` is not possible where \`batch_format\` is set`)
  }
  if (output.data === undefined) throw new Error('`data` is missing')
  const body = jsonText(output.data)
  return { method: rules.method, url: rules.base, headers: NO_HEADERS, body, contentType: 'application/json' }
}
