import type { HttpAnswer } from './answer.ts'

/**
 * Where an answer leads; null where it is not followed: only 307 and 308 keep method and body, and no request leaves TLS
 * on its way.
 */
export function redirectOf({ status, location }: HttpAnswer, from: URL): URL | null {
  if ((status !== 307 && status !== 308) || location === undefined || !URL.canParse(location, from.href)) return null
  const to = new URL(location, from)
  if (to.protocol !== 'https:' && (to.protocol !== 'http:' || from.protocol === 'https:')) return null
  to.username = ''
  to.password = ''
  to.hash = ''
  return to
}
