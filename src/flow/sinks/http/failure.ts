import { redactSecrets } from '../../../lib/index.ts'
import { reasonOf } from '../../../model/index.ts'
import { RefusedAddress } from './refused-address.ts'

const UNTRUSTED =
  'the certificate is not signed by an authority that is trusted: name the file with yours in `tls.ca_file`'
const ADVICE: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate is for another name: use a name that it holds in `url`, or set `tls.server_name`',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: 'the certificate has expired',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server speaks no TLS on this port: is it http://?',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server wants a certificate: set `tls.cert_file` and `tls.key_file`',
  UND_ERR_CONNECT_TIMEOUT: 'no connection within connect_timeout_seconds',
  UND_ERR_HEADERS_TIMEOUT: 'no answer within headers_timeout_seconds',
  UND_ERR_BODY_TIMEOUT: 'the answer broke off (body_timeout_seconds)',
}

/** An error of the way to the server, in words: no answer came, so nobody knows whether the server took the request. */
export function failureOf(thrown: unknown, what: string): Error {
  const root = rootOf(thrown)
  const code = codeOf(root)
  const advice = ADVICE[code]
  const reason = redactSecrets(reasonOf(root))
  const text = advice === undefined ? reason : `${advice} (${reason})`
  return new Error(`${what}: ${text}`, { cause: root })
}

/** Where no request may go, also as the cause of another error; null for all other errors. */
export function refusalIn(thrown: unknown): RefusedAddress | null {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (error instanceof RefusedAddress) return error
  }
  return null
}

/** The first of several tries (of the addresses of one name) says enough. */
function rootOf(thrown: unknown): unknown {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return thrown.errors[0]
  return thrown instanceof Error && thrown.message === '' && thrown.cause !== undefined ? rootOf(thrown.cause) : thrown
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
