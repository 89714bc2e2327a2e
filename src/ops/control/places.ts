import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Env = Readonly<Record<string, string | undefined>>

/** A socket's path must fit into the system's address structure; the smallest of them, less its end. */
const MAX_PATH = 103

/** The user by number: in containers it often has no name. */
const uid = (): number => process.getuid?.() ?? 0

/** Where the sockets of this user's workers are. */
export function controlFolder(env: Env): string {
  const runtime = env['XDG_RUNTIME_DIR']
  return runtime === undefined || runtime === '' ? join(tmpdir(), `drakkar-${uid()}`) : join(runtime, 'drakkar')
}

/** The path of a worker's socket: its id, or a hash of it where that would be too long or no file name. */
export function socketPath(folder: string, workerId: string): string {
  const plain = join(folder, `${workerId}.sock`)
  if (/^[\w.-]+$/.test(workerId) && !workerId.startsWith('.') && Buffer.byteLength(plain) <= MAX_PATH) return plain
  return join(folder, `${createHash('sha256').update(workerId).digest('hex').slice(0, 16)}.sock`)
}

/** Makes the folder, or throws where somebody else could reach into it. */
export function privateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stat = lstatSync(folder)
  if (!stat.isDirectory() || stat.uid !== uid() || (stat.mode & 0o077) !== 0)
    throw new Error(`${folder} is not a folder that only this user can enter (mode 700); remove it or set control.path`)
}

/** What stands at a path. */
export type SocketState = 'live' | 'stale' | 'none'

/** Connects once: somebody listens, nobody does any more, or nothing is there. */
export function probeSocket(path: string): Promise<SocketState> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (state: SocketState): void => {
      socket.destroy()
      resolve(state)
    }
    socket.once('connect', () => end('live'))
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ENOENT' ? 'none' : error.code === 'ECONNREFUSED' ? 'stale' : 'live'),
    )
  })
}

export interface FoundSocket {
  readonly path: string
  readonly state: SocketState
}

/** The sockets in a folder; none where there is no folder. */
export async function findSockets(folder: string): Promise<readonly FoundSocket[]> {
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  const paths = names.filter((name) => name.endsWith('.sock')).map((name) => join(folder, name))
  return Promise.all(paths.toSorted().map(async (path) => ({ path, state: await probeSocket(path) })))
}
