import { typeName } from '../json-text.ts'

/** What a payload may say of where it goes. */
export interface TargetRules {
  /** Of the instance; without credentials. */
  readonly base: URL
  /** `none`: nothing; `path`: a path below the instance's, and a query; `url`: also an address of its own. */
  readonly payloadUrl: 'none' | 'path' | 'url'
  /** Hosts (`host`, `host:port`, `*.host`) that such an address may have; empty: only that of the instance. */
  readonly allowedHosts: readonly string[]
}

export interface TargetFields {
  readonly path?: unknown
  readonly query?: unknown
  readonly url?: unknown
}

/**
 * Where a payload goes; the instance's own URL where it says nothing.
 *
 * @throws Error for the handler's author where it may not go there.
 */
export function targetOf({ path, query, url }: TargetFields, rules: TargetRules): URL {
  if (url !== undefined && (path !== undefined || query !== undefined)) {
    throw new Error('`url` and `path` or `query` exclude each other: put it all into `url`')
  }
  if (url !== undefined) return ownUrl(url, rules)
  if (path === undefined && query === undefined) return rules.base
  if (rules.payloadUrl === 'none') {
    throw new Error(
      `\`${path === undefined ? 'query' : 'path'}\` is not allowed: set \`payload_url: path\` for this sink if handlers may choose it`,
    )
  }
  const target = new URL(rules.base)
  if (path !== undefined) setPath(target, path)
  if (query !== undefined) addQuery(target, query)
  return target
}

/** An address without what may be secret in it, for errors. */
export const shownUrl = (url: URL): string => `${url.origin}${url.pathname}`

/** Splits credentials off: they go out as a header, so that no error can show them. */
export function withoutCredentials(text: string): { readonly url: URL; readonly authorization: string | null } {
  const url = new URL(text)
  if (url.username === '' && url.password === '') return { url, authorization: null }
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  url.username = ''
  url.password = ''
  return { url, authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

function ownUrl(url: unknown, { base, payloadUrl, allowedHosts }: TargetRules): URL {
  if (payloadUrl !== 'url') {
    throw new Error('`url` is not allowed: set `payload_url: url` for this sink if handlers may choose it')
  }
  if (typeof url !== 'string') throw new Error(`\`url\` must be a string, not ${typeName(url)}`)
  const target = URL.canParse(url) ? new URL(url) : null
  if (target === null || !/^https?:$/.test(target.protocol)) throw new Error('`url` must be an http:// or https:// URL')
  if (target.username !== '' || target.password !== '') {
    throw new Error('`url` must not hold credentials: put them into the headers of the sink')
  }
  target.hash = ''
  const hosts = allowedHosts.length > 0 ? allowedHosts : [base.host]
  if (!hosts.some((host) => matches(target, host.toLowerCase()))) {
    throw new Error(`\`url\` goes to ${target.host}, which is not among the allowed_hosts: ${hosts.join(', ')}`)
  }
  return target
}

function matches(target: URL, allowed: string): boolean {
  if (allowed.startsWith('*.')) return target.hostname.endsWith(allowed.slice(1))
  return target.host === allowed || target.hostname === allowed
}

function setPath(target: URL, path: unknown): void {
  if (typeof path !== 'string') throw new Error(`\`path\` must be a string, not ${typeName(path)}`)
  const shown = JSON.stringify(path)
  if (/[\\?#\p{Cc}]/u.test(path)) throw new Error(`\`path\` ${shown} must not have \\, ?, # or control characters`)
  const decoded = path.replaceAll(/%2e/gi, '.').replaceAll(/%2f/gi, '/')
  if (decoded.split('/').some((part) => part === '.' || part === '..')) {
    throw new Error(`\`path\` ${shown} must not have . or .. parts`)
  }
  target.pathname = `${target.pathname.replace(/\/$/, '')}/${path.replace(/^\/+/, '')}`
}

function addQuery(target: URL, query: unknown): void {
  if (typeof query !== 'object' || query === null || Array.isArray(query)) {
    throw new Error(`\`query\` must be an object, not ${typeName(query)}`)
  }
  for (const [name, values] of Object.entries(query as Record<string, unknown>)) {
    for (const value of Array.isArray(values) ? (values as unknown[]) : [values]) {
      if (value === undefined || value === null) continue
      if (!['string', 'number', 'boolean', 'bigint'].includes(typeof value)) {
        throw new Error(
          `\`query.${name}\` must be a string, number, boolean, or a list of them, not ${typeName(value)}`,
        )
      }
      target.searchParams.append(name, String(value as string))
    }
  }
}
