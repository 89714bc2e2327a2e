/** `4098…:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/…:SSL alert number 116`. */
const OPENSSL = /[0-9A-F]{8,}:error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+):[^ ;]*(?: alert number \d+)?:?/gi

/** A reason with OpenSSL's own errors in words: `TLS: tlsv13 alert certificate required`. */
export function tlsText(reason: string): string {
  return reason.replaceAll(OPENSSL, 'TLS: $1').trim()
}

/** Whether a server said that it wants a certificate of its clients, or another one than it got. */
export function wantsCertificate(reason: string): boolean {
  return /alert (?:certificate required|bad certificate|unknown ca|handshake failure)/i.test(reason)
}
