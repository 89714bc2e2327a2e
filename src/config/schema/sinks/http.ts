import { isIP } from 'node:net'
import { z } from 'zod'
import { headerProblem, isMetadataName, refusedAddress } from '../../../lib/index.ts'
import { count, flag, seconds, text, textMap } from '../field.ts'
import { batch } from './batch.ts'

const ADDRESS = 'must be an http:// or https:// URL with a host'

const url = z
  .string()
  .superRefine((value, context) => {
    const problem = urlProblem(value)
    if (problem !== null) context.addIssue({ code: 'custom', message: problem })
  })
  .describe('Where requests go. Credentials in it (`https://user:word@host`) go out as an `Authorization` header.')

const tls = z
  .strictObject({
    verify: flag(true).describe('Whether the certificate of the server is checked. Off: anybody can pretend to be it.'),
    ca_file: text('').describe('File (PEM) with the authorities to trust instead of the usual ones.'),
    cert_file: text('').describe('File (PEM) with the certificate of this client, and …'),
    key_file: text('').describe('… with its key.'),
    key_password: text('').describe('Password of the key.'),
    server_name: text('').describe('Name that the certificate must hold, where it is not the host of `url`.'),
  })
  .superRefine((value, context) => {
    if ((value.cert_file === '') === (value.key_file === '')) return
    const missing = value.cert_file === '' ? 'cert_file' : 'key_file'
    context.addIssue({ code: 'custom', path: [missing], message: 'is required: certificate and key go together' })
  })

const limits = {
  timeout_seconds: seconds(30, 0.001).describe(
    'For a request with everything, waiting its turn and redirects too; at most 90 % of sinks.delivery_timeout_seconds.',
  ),
  connect_timeout_seconds: seconds(5, 0.001).describe('For the connection.'),
  headers_timeout_seconds: seconds(30, 0.001).describe('From the request to the first line of the answer.'),
  body_timeout_seconds: seconds(10, 0.001).describe('Between two pieces of the answer.'),
  max_connections: count(16).describe('Connections to each host = requests at once. 1 keeps the order of requests.'),
  requests_per_second: z
    .number()
    .min(1)
    .nullish()
    .describe('Most requests to each host, per second on average. Left out: no limit.'),
  burst: count(1).describe('Requests that may go out at once after a quiet time; with requests_per_second.'),
  max_redirects: z.number().int().min(0).max(10).default(0).describe('Redirects (307, 308) that are followed.'),
  max_retries: z
    .number()
    .int()
    .min(0)
    .nullish()
    .describe('Read and not used: a request is repeated until it is taken.'),
}

export const httpSink: z.ZodType = z
  .strictObject({
    url,
    method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']).default('POST').describe('Of payloads that name none.'),
    encoding: z
      .enum(['json', 'form', 'multipart', 'raw'])
      .default('json')
      .describe('How `data` becomes the body; sets Content-Type.'),
    content_type: text('').describe(
      'With `encoding: raw`. Empty: text/plain for texts, application/octet-stream for bytes.',
    ),
    headers: textMap().describe('Sent with each request to the host of `url`. Their values are never shown.'),
    bearer_token_file: text('').describe(
      'File with a token, sent to that host as `Authorization: Bearer …`. Read every five seconds: a changed token needs no restart.',
    ),
    payload_url: z
      .enum(['none', 'path', 'url'])
      .default('none')
      .describe('What a payload may choose: nothing; `path` below `url` and `query`; or a whole `url` as well.'),
    allowed_hosts: z
      .array(z.string().min(1))
      .default([])
      .describe('Hosts (`host`, `host:port`, `*.host`) that such a URL may have. Empty: only that of `url`.'),
    idempotency_header: text('Idempotency-Key').describe(
      'Header with the record’s id, the same after every replay. Empty: none.',
    ),
    batch_format: z
      .enum(['none', 'array', 'envelope'])
      .default('none')
      .describe('One request per record; or for a batch, a JSON list of the data, or of `{"id", "data"}`.'),
    ...limits,
    refuse_private: flag(false).describe(
      'Refuses private addresses, after names were resolved. Link-local ones always are.',
    ),
    refuse_loopback: flag(false).describe('Refuses addresses of this machine itself.'),
    tls: tls.prefault({}).describe('For https.'),
    check_at_start: flag(true).describe('Whether the start fails where no connection can be opened.'),
    ...batch,
  })
  .superRefine((value, context) => {
    const refuse = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message })
    for (const [name, content] of Object.entries(value.headers)) {
      const problem = headerProblem(name, content)
      if (problem !== null) refuse(['headers', name], `cannot be set: ${problem}`)
    }
    if (value.bearer_token_file !== '' && authorizes(value.url, value.headers))
      refuse(
        ['bearer_token_file'],
        'and other credentials (in `url`, or `headers.authorization`) are both given: leave one out',
      )
    if (value.idempotency_header !== '' && headerProblem(value.idempotency_header, '') !== null) {
      refuse(['idempotency_header'], 'is no name of a header that can be set')
    }
    if (value.batch_format === 'none') return
    if (value.encoding !== 'json') refuse(['encoding'], 'must be json where batch_format is set')
    if (value.payload_url !== 'none') refuse(['payload_url'], 'must be none where batch_format is set')
  })

function authorizes(address: string, headers: Readonly<Record<string, string>>): boolean {
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')) return true
  const { username, password } = URL.canParse(address) ? new URL(address) : { username: '', password: '' }
  return username !== '' || password !== ''
}

function urlProblem(value: string): string | null {
  if (!URL.canParse(value)) return ADDRESS
  const { protocol, hostname } = new URL(value)
  if (!/^https?:$/.test(protocol) || hostname === '') return ADDRESS
  const host = hostname.replace(/^\[|\]$/g, '')
  const rules = { refusePrivate: false, refuseLoopback: false }
  const refused = isMetadataName(host) || (isIP(host) > 0 && refusedAddress(host, rules) !== null)
  return refused ? 'is the address of a metadata service, where clouds keep credentials: it is never sent to' : null
}
