import { freePort } from '../support/free-port.ts'
import { type ServerProcess, startServer } from './server-process.ts'

/** A real server of the MongoDB protocol (FerretDB) of our own, on a free port; with `auth`: user / pass. */
export async function startMongo(auth = false, ...flags: readonly string[]): Promise<ServerProcess> {
  return startServer('ferretdb.sh', 'start', await freePort(), [auth ? 'auth' : 'open', ...flags])
}

/** The server named in `DRAKKAR_MONGO` (a mongodb:// URI), which stays as it is, else one of our own. */
export async function anyMongo(): Promise<{ readonly uri: string; stop(): Promise<void> }> {
  const uri = process.env['DRAKKAR_MONGO']
  if (uri !== undefined && uri !== '') return { uri, stop: async () => undefined }
  const server = await startMongo()
  return { uri: `mongodb://127.0.0.1:${server.port}/`, stop: () => server.stop() }
}
