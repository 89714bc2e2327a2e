/** Where a Redis is, as its URL says. */
export interface RedisTarget {
  readonly mode: 'single' | 'cluster' | 'sentinel'
  readonly tls: boolean
  /** Servers, cluster nodes, or sentinels. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly username?: string
  readonly password?: string
  readonly db: number
  /** The name that sentinels know the master by. */
  readonly master?: string
}

const SCHEME = /^(rediss?)(-cluster|-sentinel)?:\/\//
const FORMS =
  'redis://host:port/db, redis-cluster://host:port,host:port or redis-sentinel://host:port,host:port/master/db (rediss… for TLS)'

/**
 * Reads `redis[s]://…`, `redis[s]-cluster://…` and `redis[s]-sentinel://…`.
 *
 * @throws Error with the reason and without the URL, which may hold a password.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const scheme = SCHEME.exec(url)
  if (scheme === null) throw new Error(`must be like ${FORMS}`)
  const mode = scheme[2] === '-cluster' ? 'cluster' : scheme[2] === '-sentinel' ? 'sentinel' : 'single'
  const rest = url.slice(scheme[0].length)
  // A password may hold a `/` or `@` that is not encoded.
  const at = rest.lastIndexOf('@')
  const [list = '', ...path] = rest.slice(at + 1).split('/')
  if (path.some((step) => /[?#]/.test(step)) || /[?#]/.test(list))
    throw new Error('has a `?` or `#`: it takes no options')
  const hosts = list.split(',').map((text) => hostOf(text, mode === 'sentinel' ? 26_379 : 6379))
  if (mode === 'single' && hosts.length > 1)
    throw new Error('names several hosts: write redis-cluster:// or redis-sentinel://')
  const master = mode === 'sentinel' ? decoded(path.shift() ?? '') : undefined
  if (master === '') throw new Error('must name the master: redis-sentinel://host:port,host:port/master')
  const db = path.length === 0 || path[0] === '' ? 0 : Number(path[0])
  if (path.length > 1 || !Number.isInteger(db) || db < 0) throw new Error('must end in the number of a database')
  if (mode === 'cluster' && db !== 0) throw new Error('names a database: a cluster has only 0')
  return {
    mode,
    tls: scheme[1] === 'rediss',
    hosts,
    db,
    ...login(at < 0 ? '' : rest.slice(0, at)),
    ...(master === undefined ? {} : { master }),
  }
}

function hostOf(text: string, defaultPort: number): { readonly host: string; readonly port: number } {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::(\d+))?$/.exec(text)
  const port = parts?.[2] === undefined ? defaultPort : Number(parts[2])
  if (parts?.[1] === undefined || port < 1 || port > 65_535)
    throw new Error(`has a host that is not host:port; it must be like ${FORMS}`)
  return { host: parts[1].replace(/^\[|\]$/g, ''), port }
}

function login(text: string): { readonly username?: string; readonly password?: string } {
  if (text === '') return {}
  const colon = text.indexOf(':')
  if (colon < 0) return { username: decoded(text) }
  const username = decoded(text.slice(0, colon))
  return { ...(username === '' ? {} : { username }), password: decoded(text.slice(colon + 1)) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
