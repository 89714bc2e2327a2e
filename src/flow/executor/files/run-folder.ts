import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DrakkarError, reasonOf } from '../../../model/index.ts'

/** Name of the socket that is open as long as the worker of a folder lives. */
export const ALIVE = 'alive'
const PREFIX = 'drakkar-files-'
/** Of a path below `base`: socket paths longer than this are refused by the system. */
const MAX_PATH = 100

/** Which machine, and since when it runs: what a folder's name says of the worker that made it. */
export interface Machine {
  readonly host: string
  readonly boot: string
}

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)

export function thisMachine(): Machine {
  let boot = ''
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Not Linux: then every folder of this host is judged by its socket.
  }
  return { host: short(hostname()), boot: short(boot) }
}

/** The machine in a folder's name; null for any other name. */
export function machineOf(name: string): Machine | null {
  const found = /^drakkar-files-([0-9a-f]{8})-([0-9a-f]{8})-[A-Za-z0-9]{6}$/.exec(name)
  return found === null ? null : { host: found[1] as string, boot: found[2] as string }
}

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
    const { host, boot } = thisMachine()
    const stem = join(this.#base, `${PREFIX}${host}-${boot}-`)
    try {
      if (join(`${stem}XXXXXX`, ALIVE).length > MAX_PATH)
        throw new Error(`the path is longer than ${MAX_PATH - 45} bytes`)
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
