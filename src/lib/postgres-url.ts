/** Where a PostgreSQL server is, and who asks. */
export interface PostgresTarget {
  /** A host, or a folder with a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user?: string
  readonly password?: string
  readonly database?: string
  readonly applicationName?: string
  readonly options?: string
  readonly channelBinding: boolean
  /** As `sslmode` says; '' where it says nothing. */
  readonly sslMode: string
  readonly sslRootCert: string
  readonly sslCert: string
  readonly sslKey: string
}

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** Parameters that a URL may have, and those of them that mean nothing here. */
const KNOWN = new Set([
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'application_name',
  'options',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'channel_binding',
  'connect_timeout',
  'target_session_attrs',
])

/**
 * Takes a `postgres://user:password@host:port/database?sslmode=…` apart; `?host=/folder` for a Unix socket.
 *
 * @throws Error, without the URL in it, where that cannot be done.
 */
export function parsePostgresUrl(text: string): PostgresTarget {
  // A URL without a host has no user either, for whoever parses it.
  const url = urlOf(
    /^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?]|$)/.test(text) ? text.replace(/@(?=[/?]|$)/, '@localhost') : text,
  )
  const query = url.searchParams
  for (const name of query.keys()) {
    if (!KNOWN.has(name)) throw new Error(`has the parameter ${name}, which is not known here`)
  }
  const sslMode = query.get('sslmode') ?? ''
  if (sslMode !== '' && !SSL_MODES.includes(sslMode)) throw new Error(`has sslmode other than ${SSL_MODES.join(', ')}`)
  const port = Number(query.get('port') ?? (url.port || '5432'))
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error('has a port that is none')
  const password = query.get('password') ?? decoded(url.password)
  return {
    host: query.get('host') ?? (decoded(url.hostname).replace(/^\[(.+)\]$/, '$1') || 'localhost'),
    port,
    ...given('user', query.get('user') ?? decoded(url.username)),
    ...given('password', password),
    ...given('database', query.get('dbname') ?? decoded(url.pathname.slice(1))),
    ...given('applicationName', query.get('application_name') ?? ''),
    ...given('options', query.get('options') ?? ''),
    channelBinding: ['prefer', 'require'].includes(query.get('channel_binding') ?? ''),
    sslMode,
    sslRootCert: query.get('sslrootcert') ?? '',
    sslCert: query.get('sslcert') ?? '',
    sslKey: query.get('sslkey') ?? '',
  }
}

function urlOf(text: string): URL {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw new Error('must be postgres://user:password@host:port/database')
  }
  return new URL(text)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error('has a % that encodes nothing: write % in a password as %25')
  }
}

function given<Name extends string>(name: Name, value: string): { readonly [key in Name]?: string } {
  return value === '' ? {} : ({ [name]: value } as { readonly [key in Name]: string })
}
