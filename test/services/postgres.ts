import { freePort } from '../support/free-port.ts'
import { type ServerProcess, startServer } from './server-process.ts'

/** A real PostgreSQL of our own, on a free port. `settings` are those of postgresql.conf: `fsync=on`. */
export async function startPostgres(...settings: readonly string[]): Promise<ServerProcess & { readonly dsn: string }> {
  const server = await startServer('postgres.sh', 'start', await freePort(), settings)
  return Object.assign(server, { dsn: dsnOf(server.port) })
}

/** The server at a port of this machine, or what passes on to it. */
export const dsnOf = (port: number): string => `postgres://postgres:postgres@127.0.0.1:${port}/postgres`

/** The server named in `DRAKKAR_POSTGRES` (a postgres:// URL of a role that may do everything), else one of our own. */
export async function anyPostgres(): Promise<{ readonly dsn: string; stop(): Promise<void> }> {
  const dsn = process.env['DRAKKAR_POSTGRES']
  return dsn !== undefined && dsn !== '' ? { dsn, stop: async () => undefined } : startPostgres()
}

/** A real PgBouncer with transaction pooling in front of a server. `settings` are those of its section: `max_client_conn=9`. */
export async function startPgBouncer(
  serverPort: number,
  ...settings: readonly string[]
): Promise<ServerProcess & { readonly dsn: string }> {
  const pooler = await startServer('pgbouncer.sh', 'start', await freePort(), [String(serverPort), ...settings])
  return Object.assign(pooler, { dsn: dsnOf(pooler.port) })
}
