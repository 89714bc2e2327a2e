import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { flushFolder } from '../../../lib/index.ts'
import { cutTornLine } from './append.ts'
import { confine, errorCode, PathError } from './confine.ts'
import { Notebook } from './notebook.ts'

/** A file that is open for appending; one per file, however many paths lead to it. */
export interface OpenFile {
  readonly handle: FileHandle
  readonly path: string
  /** `<device>:<inode>`. */
  readonly key: string
  readonly ino: number
  /** Which records are in it; null where that is not written down. */
  readonly notebook: Notebook | null
  /** When it was begun, milliseconds since the epoch; about, for one that was there before. */
  readonly since: number
  /** Bytes; what differs from it was written by somebody else. */
  size: number
}

export interface OpenFilesOptions {
  /** A real path. */
  readonly base: string
  readonly limit: number
  readonly flush: boolean
  /** Ids of records that are remembered for each file; 0: none. */
  readonly remember: number
  /** Whether a last line without a line feed is one that a crash tore. */
  readonly lines: boolean
  readonly now: () => number
  /** Called with a file that is about to be closed to keep to the limit. */
  readonly leaving: (file: OpenFile) => Promise<void>
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants
// Not blocking, so that a pipe in the folder is an error and not a wait for its reader.
const FLAGS = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK

/** Keeps files open between batches, at most `limit` of them; the one that was used longest ago is closed first. */
export class OpenFiles {
  readonly #options: OpenFilesOptions
  /** By key; in the order of use. */
  readonly #files = new Map<string, OpenFile>()
  /** By relative path. */
  readonly #paths = new Map<string, OpenFile>()

  constructor(options: OpenFilesOptions) {
    this.#options = options
  }

  get all(): readonly OpenFile[] {
    return [...this.#files.values()]
  }

  /**
   * The file at a relative path, created with its folders where it is missing. A file that was moved away, deleted or
   * written by somebody else since (log rotation) is opened anew, so that nothing is written where no one finds it.
   */
  async get(relative: string): Promise<OpenFile> {
    const known = this.#paths.get(relative)
    if (known !== undefined) {
      if (await isStillOurs(known)) return this.#used(known)
      // What was written to it is written, whatever became of it since.
      await known.notebook?.settle()
      await this.close(known)
    }
    const { path, changed } = await confine(this.#options.base, relative)
    const handle = await open(path, FLAGS, 0o644)
    try {
      const file = await this.#opened(handle, path, relative)
      if (this.#options.flush) for (const folder of changed) await flushFolder(folder)
      this.#paths.set(relative, file)
      if (file.handle !== handle) await handle.close()
      return this.#used(file)
    } catch (error) {
      const file = this.all.find((opened) => opened.handle === handle)
      await (file === undefined ? handle.close() : this.close(file))
      throw error
    }
  }

  /** Closes the files that were used longest ago, until `limit` are open. */
  async trim(): Promise<void> {
    for (const file of this.all) {
      if (this.#files.size <= this.#options.limit) return
      await this.#options.leaving(file)
      await this.close(file)
    }
  }

  async close(file: OpenFile): Promise<void> {
    if (this.#files.get(file.key) !== file) return
    this.#forget(file)
    const outcomes = await Promise.allSettled([file.handle.close(), file.notebook?.close()])
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async closeAll(): Promise<void> {
    for (const file of this.all) await this.close(file)
  }

  async #opened(handle: FileHandle, path: string, relative: string): Promise<OpenFile> {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new PathError(`${relative} is not a regular file (${path})`)
    const key = `${stats.dev}:${stats.ino}`
    const same = this.#files.get(key)
    if (same !== undefined) return same
    const { remember, lines, now } = this.#options
    const notebook = remember > 0 ? await Notebook.open(handle, path, this.#options) : null
    try {
      if (lines) await cutTornLine(handle)
    } catch (error) {
      await notebook?.close()
      throw error
    }
    const { size } = await handle.stat()
    const since = stats.size === 0 ? now() : Math.min(stats.birthtimeMs || now(), now())
    const file: OpenFile = { handle, path, key, ino: stats.ino, notebook, since, size }
    this.#files.set(key, file)
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

async function isStillOurs(file: OpenFile): Promise<boolean> {
  try {
    const stats = await stat(file.path)
    return `${stats.dev}:${stats.ino}` === file.key && stats.size === file.size
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false
    throw error
  }
}
