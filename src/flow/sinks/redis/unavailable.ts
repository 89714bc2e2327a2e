import type { RedisTarget } from '../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import { tlsText, wantsCertificate } from '../tls-text.ts'
import { isUnauthenticated, shown } from './redis-error.ts'

/** The error of a start without the server of the sink `name`: where it is, why, and what to do. */
export function unavailable(name: string, target: RedisTarget, error: unknown): DrakkarError {
  const reason = reasonIn(error)
  return new DrakkarError('SINK_UNAVAILABLE', `sinks.redis.${name}.url: ${placeOf(target)} cannot be used: ${reason}`, {
    cause: error,
    advice: adviceFor(reason, target),
  })
}

/** The answer to a command that meets no connection while the worker runs. `error`: what the driver said last, if anything. */
export function notConnected(target: RedisTarget, error: Error | null): Error {
  const reason = error === null ? 'the connection was lost, and is opened again' : reasonIn(error)
  const hint = isUnauthenticated(reason)
    ? '. The password is not valid any more: put the new one into password_file, or restart with it.'
    : ''
  return new Error(`${placeOf(target)} cannot be used: ${reason}${hint}`)
}

/** What the driver says to a command that meets no connection, or loses it: nothing that would help anybody. */
export function isDriversExcuse(answer: unknown): boolean {
  return answer instanceof Error && /max retries per request|enableOfflineQueue/.test(answer.message)
}

/** Whether the servers do not know us, or not with this password. */
export function saysUnauthenticated(answer: unknown): boolean {
  return answer instanceof Error && isUnauthenticated(reasonIn(answer))
}

function placeOf({ mode, hosts }: RedisTarget): string {
  return `${mode} Redis at ${hosts.map(({ host, port }) => `${host}:${port}`).join(', ')}`
}

/** Several addresses or nodes say it for the whole. */
function reasonIn(error: unknown): string {
  if (error instanceof AggregateError) return tlsText(shown(error.errors.map(reasonOf).join('; ')))
  if (error instanceof Error && 'lastNodeError' in error && error.lastNodeError instanceof Error)
    return tlsText(shown(`${error.message} ${error.lastNodeError.message}`))
  return tlsText(shown(reasonOf(error)))
}

function adviceFor(reason: string, target: RedisTarget): string {
  if (isUnauthenticated(reason))
    return 'Set username and password (or password_file) of the sink, or those in its url, as the server knows them.'
  // The connection is often gone before its reason has been read.
  if (wantsCertificate(reason) || (target.tls && /ECONNRESET|EPIPE/.test(reason))) {
    return 'The server broke the connection off. Where it wants certificates of its clients, set sinks.redis.<name>.tls.cert_file and key_file.'
  }
  if (/cert|self.signed|tls|ssl/i.test(reason))
    return 'Set sinks.redis.<name>.tls: ca_file for an authority of your own, server_name for another name in the certificate.'
  if (target.mode === 'cluster')
    return 'Name nodes of a Redis Cluster; for a server without cluster mode write redis://.'
  if (target.mode === 'sentinel')
    return 'Name sentinels, and the master by the name that they know it by (SENTINEL MASTERS lists them).'
  return 'Check that the server runs and can be reached from here, and that the url is right (rediss:// where it speaks TLS).'
}
