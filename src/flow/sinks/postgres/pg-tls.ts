import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import type { PostgresTarget } from '../../../lib/index.ts'

export type TlsMode = 'disable' | 'require' | 'verify-ca' | 'verify-full'

export interface PostgresTls {
  /** Over `sslmode` of the DSN. Default: verify-full where a file is named, else no TLS. */
  readonly mode?: TlsMode | ''
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly serverName?: string
}

/**
 * What Node needs to know, with the meaning that libpq gives the modes: `require` encrypts and checks nothing, unless an
 * authority is named; `verify-ca` checks the certificate and not the name in it.
 */
export async function tlsOptions(target: PostgresTarget, tls: PostgresTls): Promise<false | ConnectionOptions> {
  const caFile = tls.caFile || target.sslRootCert
  const certFile = tls.certFile || target.sslCert
  const keyFile = tls.keyFile || target.sslKey
  const mode = modeOf(tls.mode || target.sslMode, caFile, certFile)
  if (mode === 'disable') return false
  const files = [caFile, certFile, keyFile].map((file) => optional(file))
  const [ca, cert, key] = await Promise.all(files)
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.serverName ? { servername: tls.serverName } : {}),
    ...(mode === 'require' ? { rejectUnauthorized: false } : {}),
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  }
}

async function optional(file: string): Promise<Buffer | undefined> {
  return file === '' ? undefined : readFile(file)
}

function modeOf(asked: string, caFile: string, certFile: string): TlsMode {
  if (asked === '') return caFile === '' && certFile === '' ? 'disable' : 'verify-full'
  if (asked === 'require' && caFile !== '') return 'verify-ca'
  // They mean: TLS where the server wants it, unchecked. Nobody gains by that.
  if (asked === 'allow' || asked === 'prefer') return 'disable'
  return asked as TlsMode
}
