import { isUtf8 } from 'node:buffer'
import type { Dirent } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** A folder of real texts: what the repository and its packages hold of documents and sources. */
export interface Library {
  readonly files: number
  readonly bytes: number
  /** Words that occur in it, each once. */
  readonly words: readonly string[]
}

const BYTES = 6_000_000
const FILE_BYTES = 250_000
const TEXT = /^(readme|licen[cs]e|changelog)|\.(md|txt|html|c|h|[cm]?[jt]s)$/i
const WORD = /\b[a-z]{6,14}\b/g

/** Fills `folder` with texts found below `root`: about 6 MB in files of 250 kB. */
export async function makeLibrary(folder: string, root: string): Promise<Library> {
  await mkdir(folder, { recursive: true })
  const words = new Set<string>()
  let files = 0
  let bytes = 0
  let parts: Buffer[] = []
  let pending = 0
  const bind = async (): Promise<void> => {
    if (pending === 0) return
    files += 1
    bytes += pending
    const text = Buffer.concat(parts)
    parts = []
    pending = 0
    await writeFile(join(folder, `text-${String(files).padStart(3, '0')}`), text)
  }
  for await (const path of texts(root)) {
    const text = await readFile(path)
    if (text.includes(0) || !isUtf8(text)) continue
    if (words.size < 20_000)
      for (const [word] of text.subarray(0, 4_000).toString('latin1').matchAll(WORD)) words.add(word)
    const title = Buffer.from(`== ${relative(root, path)}\n`)
    parts.push(title, text, Buffer.from('\n'))
    pending += title.length + text.length + 1
    if (pending >= FILE_BYTES) await bind()
    if (bytes + pending >= BYTES) break
  }
  await bind()
  return { files, bytes, words: [...words] }
}

/** Text files below a folder, its own first, then those of its folders; the same order everywhere. */
async function* texts(root: string): AsyncGenerator<string> {
  const folders = [root]
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    const entries = await readdir(folder, { withFileTypes: true })
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) if (entry.isFile() && TEXT.test(entry.name)) yield join(folder, entry.name)
    for (const entry of entries) if (isOpen(entry)) folders.push(join(folder, entry.name))
  }
}

function isOpen(entry: Dirent): boolean {
  return entry.isDirectory() && !entry.name.startsWith('.')
}

/** How many lines of the library hold each text, counted here and not by grep. */
export async function countLines(folder: string, wanted: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map(wanted.map((text) => [text, 0]))
  for (const name of await readdir(folder)) {
    const lines = (await readFile(join(folder, name), 'latin1')).split('\n')
    for (const text of counts.keys()) {
      const found = lines.reduce((sum, line) => (line.includes(text) ? sum + 1 : sum), 0)
      counts.set(text, (counts.get(text) ?? 0) + found)
    }
  }
  return counts
}
