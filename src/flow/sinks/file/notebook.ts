import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { flushFolder } from '../../../lib/index.ts'
import { errorCode } from './confine.ts'
import { borneOut, type Note, type NoteHead, parseNotes } from './note.ts'
import { NOTES_FOLDER } from './relative-path.ts'
import { SeenIds } from './seen-ids.ts'

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR, O_TRUNC } = constants
const CHUNK = 256 * 1024

export interface NotebookOptions {
  /** Base folder of the sink. */
  readonly base: string
  /** Ids that are remembered for each file. */
  readonly remember: number
  readonly flush: boolean
}

/** The notes about one file: which records are in it. They are in a file of their own in the base folder. */
export class Notebook {
  readonly #path: string
  readonly #flush: boolean
  #head: NoteHead
  #handle: FileHandle
  readonly #seen: SeenIds

  private constructor(path: string, flush: boolean, head: NoteHead, handle: FileHandle, seen: SeenIds) {
    this.#path = path
    this.#flush = flush
    this.#head = head
    this.#handle = handle
    this.#seen = seen
  }

  /** Reads the notes about a file that was just opened, and cuts off what a crash left of a batch that was written in part. */
  static async open(file: FileHandle, filePath: string, { base, remember, flush }: NotebookOptions): Promise<Notebook> {
    const relative = filePath.slice(base.length).replace(/^\/+/, '')
    const path = join(base, NOTES_FOLDER, `${createHash('sha256').update(relative).digest('hex').slice(0, 40)}.ids`)
    await mkdir(dirname(path), { recursive: true })
    const text = await textOf(path)
    const { head, notes, whole } = parseNotes(text)
    const { ino, size } = await file.stat()
    const { kept, cutTo } = await borneOut(notes, { ino, size }, (at, end) => checksum(file, at, end))
    if (cutTo !== null) await file.truncate(cutTo)
    const seen = new SeenIds(
      remember,
      notes.slice(0, kept).flatMap(({ ids }) => ids),
    )
    const columns = size === 0 || cutTo === 0 ? null : (head?.columns ?? null)
    const first = { path: relative, columns }
    const asItIs = whole && head !== null && kept === notes.length && columns === head.columns
    const opened = asItIs ? await open(path, O_RDWR | O_APPEND | O_NOFOLLOW) : await written(path, first, seen, flush)
    return new Notebook(path, flush, first, opened, seen)
  }

  get columns(): readonly string[] | null {
    return this.#head.columns
  }

  has(id: string): boolean {
    return this.#seen.has(id)
  }

  /**
   * Before the bytes are written: the note about them. Where it or they fail, the file must be closed: opening it again
   * finds out which notes hold.
   */
  async note(note: Note): Promise<void> {
    await this.#handle.appendFile(`${JSON.stringify(note)}\n`)
  }

  async flushed(): Promise<void> {
    if (this.#flush) await this.#handle.datasync()
  }

  /** The bytes are written: from now on these ids are known. */
  async confirm(ids: readonly string[]): Promise<void> {
    let forgot = false
    for (const id of ids) if (this.#seen.add(id)) forgot = true
    if (forgot) await this.#rewrite()
  }

  /** The columns of the file, before its first line is written. */
  async setColumns(columns: readonly string[]): Promise<void> {
    this.#head = { ...this.#head, columns }
    await this.#rewrite()
  }

  /** Everything noted is written for certain, so its ids are kept whatever becomes of the file. */
  async settle(): Promise<void> {
    await this.#rewrite()
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async #rewrite(): Promise<void> {
    const before = this.#handle
    this.#handle = await written(this.#path, this.#head, this.#seen, this.#flush)
    await before.close()
  }
}

/** Writes the notes anew, without ranges, beside the old ones, and puts them in their place at once. */
async function written(path: string, head: NoteHead, seen: SeenIds, flush: boolean): Promise<FileHandle> {
  const ids = seen.all()
  const lines = [head, ...(ids.length === 0 ? [] : [{ ids }])].map((value) => `${JSON.stringify(value)}\n`)
  const bytes = Buffer.from(lines.join(''))
  const draft = `${path}.tmp`
  const handle = await open(draft, O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644)
  try {
    await handle.writeFile(bytes)
    if (flush) await handle.datasync()
    await rename(draft, path)
    if (flush) await flushFolder(dirname(path))
  } catch (error) {
    await handle.close()
    await rm(draft, { force: true }).catch(() => undefined)
    throw error
  }
  return handle
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return ''
    throw error
  }
}

async function checksum(file: FileHandle, from: number, end: number): Promise<number> {
  const chunk = Buffer.alloc(Math.min(CHUNK, end - from))
  let crc = 0
  for (let at = from; at < end; ) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, end - at), at)
    if (bytesRead === 0) break
    crc = crc32(chunk.subarray(0, bytesRead), crc)
    at += bytesRead
  }
  return crc
}
