import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import { ALIVE, MAX_SOCKET_PATH, stemIn } from './folder-name.ts'

/**
 * One worker's folder for files of its tasks, made when the first of them needs it. An open socket in it says that the worker
 * lives, also to workers in other containers; when it does not, another one removes the folder (`sweep.ts`).
 */
export class RunFolder {
  readonly #base: string
  /** What of the configuration says where. */
  readonly #option: string
  #opening: Promise<string> | null = null
  #server: Server | null = null

  constructor(base: string, option: string) {
    this.#base = base
    this.#option = option
  }

  /** Its path. Fails with CONFIG_INVALID where it cannot be made. */
  open(): Promise<string> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  /** Removes it with everything in it. Twice is fine. */
  async close(): Promise<void> {
    const path = await this.#opening?.catch(() => null)
    this.#server?.close()
    if (typeof path === 'string') await rm(path, { recursive: true, force: true })
  }

  async #open(): Promise<string> {
    const stem = stemIn(this.#base)
    try {
      if (join(`${stem}XXXXXX`, ALIVE).length > MAX_SOCKET_PATH) throw new Error('its path is too long for a socket')
      const path = await mkdtemp(stem)
      // Programs of another user have to come through to their own folder.
      await chmod(path, 0o711)
      this.#server = await listening(join(path, ALIVE))
      return path
    } catch (error) {
      throw new DrakkarError('CONFIG_INVALID', `Cannot make a folder in ${this.#base}: ${reasonOf(error)}`, {
        cause: error,
        advice: `Set ${this.#option} to a folder that exists, that this user can write to, and with a short path.`,
      })
    }
  }
}

function listening(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      server.unref()
      resolve(server)
    })
  })
}
