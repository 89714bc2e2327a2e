import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { flushFolder } from '../../../lib/index.ts'
import { cutTornLine } from './append.ts'
import { confine, errorCode, PathError } from './confine.ts'

/** A file that is open for appending; one per file, however many paths lead to it. */
export interface OpenFile {
  readonly handle: FileHandle
  readonly path: string
  /** `<device>:<inode>`. */
  readonly key: string
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants
// Not blocking, so that a pipe in the folder is an error and not a wait for its reader.
const FLAGS = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK

/** Keeps files open between batches, at most `limit` of them; the one that was used longest ago is closed first. */
export class OpenFiles {
  readonly #base: string
  readonly #limit: number
  readonly #flush: boolean
  /** By key; in the order of use. */
  readonly #files = new Map<string, OpenFile>()
  /** By relative path. */
  readonly #paths = new Map<string, OpenFile>()

  constructor(base: string, limit: number, flush: boolean) {
    this.#base = base
    this.#limit = limit
    this.#flush = flush
  }

  get size(): number {
    return this.#files.size
  }

  /**
   * The file at a relative path, created with its folders where it is missing. A file that was moved away or deleted
   * since (log rotation) is opened anew, so that nothing is written where no one finds it.
   */
  async get(relative: string): Promise<OpenFile> {
    const known = this.#paths.get(relative)
    if (known !== undefined) {
      if (await isStillThere(known)) return this.#used(known)
      await this.close(known)
    }
    const { path, changed } = await confine(this.#base, relative)
    const handle = await open(path, FLAGS, 0o644)
    try {
      const file = await this.#opened(handle, path, relative)
      if (this.#flush) for (const folder of changed) await flushFolder(folder)
      this.#paths.set(relative, file)
      if (file.handle !== handle) await handle.close()
      return this.#used(file)
    } catch (error) {
      for (const file of this.#files.values()) if (file.handle === handle) this.#forget(file)
      await handle.close()
      throw error
    }
  }

  /** Closes the files that were used longest ago, until `limit` are open. */
  async trim(): Promise<void> {
    for (const file of this.#files.values()) {
      if (this.#files.size <= this.#limit) return
      await this.close(file)
    }
  }

  async close(file: OpenFile): Promise<void> {
    this.#forget(file)
    await file.handle.close()
  }

  async closeAll(): Promise<void> {
    for (const file of this.#files.values()) await this.close(file)
  }

  async #opened(handle: FileHandle, path: string, relative: string): Promise<OpenFile> {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new PathError(`${relative} is not a regular file (${path})`)
    const key = `${stats.dev}:${stats.ino}`
    const same = this.#files.get(key)
    if (same !== undefined) return same
    const file = { handle, path, key }
    this.#files.set(key, file)
    await cutTornLine(handle)
    return file
  }

  #used(file: OpenFile): OpenFile {
    this.#files.delete(file.key)
    this.#files.set(file.key, file)
    return file
  }

  #forget(file: OpenFile): void {
    if (this.#files.get(file.key) === file) this.#files.delete(file.key)
    for (const [path, other] of this.#paths) if (other === file) this.#paths.delete(path)
  }
}

async function isStillThere(file: OpenFile): Promise<boolean> {
  try {
    const stats = await stat(file.path)
    return `${stats.dev}:${stats.ino}` === file.key
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false
    throw error
  }
}
