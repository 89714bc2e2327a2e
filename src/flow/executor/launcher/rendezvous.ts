import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import { ALIVE, MAX_SOCKET_PATH, stemIn } from '../files/folder-name.ts'

/** Where launchers find their worker: a socket in a folder that only this user can enter. */
export interface Rendezvous {
  readonly path: string
  /** Stops listening and removes the folder. Twice is fine. */
  close(): Promise<void>
}

/** Fails with LAUNCHER_FAILED where the folder or the socket cannot be made. */
export async function openRendezvous(onConnection: (socket: Socket) => void): Promise<Rendezvous> {
  const isLong = join(`${stemIn(tmpdir())}XXXXXX`, ALIVE).length > MAX_SOCKET_PATH
  const base = isLong ? '/tmp' : tmpdir()
  try {
    // mkdtemp makes the folder with mode 0700.
    const path = join(await mkdtemp(stemIn(base)), ALIVE)
    const server = createServer(onConnection)
    await listening(server, path)
    return { path, close: () => close(server, path) }
  } catch (error) {
    throw new DrakkarError('LAUNCHER_FAILED', `Cannot open a socket for the launchers in ${base}: ${reasonOf(error)}`, {
      cause: error,
      advice: 'The worker needs a temporary folder that it can write to; set TMPDIR to one.',
    })
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function close(server: Server, path: string): Promise<void> {
  server.close()
  await rm(dirname(path), { recursive: true, force: true })
}
