import { DrakkarError } from '../../../model/index.ts'
import { errorText, sqlState } from './error.ts'

/** Why a sink cannot start, and what to do. */
export function unavailable(name: string, where: string, thrown: unknown): DrakkarError {
  if (thrown instanceof DrakkarError) return thrown
  const reason = errorText(thrown)
  return new DrakkarError(
    'SINK_UNAVAILABLE',
    `sinks.postgres.${name}: PostgreSQL at ${where} cannot be used: ${reason}`,
    {
      cause: thrown,
      advice: adviceFor(sqlState(thrown), reason),
    },
  )
}

function adviceFor(state: string, reason: string): string {
  if (state === '28P01') return 'Set the role and its password in dsn, or password_file.'
  if (/certificate authentication failed|valid client certificate/i.test(reason)) {
    return 'The server knows its clients by their certificates: name one of this role and its key in tls.cert_file and tls.key_file (or sslcert and sslkey in dsn).'
  }
  if (state === '28000' || /no pg_hba/.test(reason)) {
    return 'Let pg_hba.conf of the server take this role from here; where it asks for TLS set sslmode in dsn.'
  }
  if (state === '3D000') return 'Create the database, or correct its name in dsn.'
  if (state === '53300') return 'Raise max_connections of the server, or lower pool_max.'
  if (/unsupported startup parameter/i.test(reason)) {
    return 'A pooler in between does not pass it on. Take it out of dsn; instead of a search_path write schema.table.'
  }
  if (/altnames|does not match certificate/i.test(reason)) {
    return 'The certificate is of another host. Correct the host in dsn, or name what the certificate holds in tls.server_name.'
  }
  if (/certificate|self.signed|issuer/i.test(reason))
    return 'Name the authority that signed the certificate in tls.ca_file.'
  if (/does not support SSL/i.test(reason)) return 'Switch TLS on in the server, or off here: sslmode=disable in dsn.'
  if (/ENOENT/.test(reason)) return 'Correct the path of the file.'
  return 'Check that the server runs and can be reached from here, and that dsn is right.'
}
