import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DrakkarError, type Header, reasonOf } from '../../../model/index.ts'
import type { StoredLetter } from './letter.ts'

/** Letters of a folder, by topic, partition and offset. A file that is no letter is told to `onBad` and passed over. */
export async function* folderLetters(
  folder: string,
  onBad: (path: string, reason: string) => void,
): AsyncGenerator<StoredLetter> {
  for (const topic of (await listed(folder)).sort()) {
    const home = join(folder, topic)
    const names = (await readdir(home).catch(() => [])).filter((name) => /^\d+-\d+\.json$/.test(name))
    for (const name of names.sort(byNumbers)) {
      const path = join(home, name)
      try {
        yield readLetterFile(path, await readFile(path, 'utf8'))
      } catch (error) {
        onBad(path, reasonOf(error))
      }
    }
  }
}

async function listed(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).filter((one) => one.isDirectory()).map(({ name }) => name)
  } catch (error) {
    throw new DrakkarError('USAGE', `the folder ${folder} cannot be read: ${reasonOf(error)}`, {
      advice: 'Name the folder of the letters with --folder: dlq.path or dlq.oversize_dir of the worker.',
    })
  }
}

/** `2-15.json` before `10-1.json`. */
function byNumbers(a: string, b: string): number {
  const numbers = (name: string): number[] => name.split(/[-.]/, 2).map(Number)
  const [p = 0, o = 0] = numbers(a)
  const [q = 0, r = 0] = numbers(b)
  return p - q || o - r
}

/** The text of one file. Throws where it is no letter. */
export function readLetterFile(path: string, text: string): StoredLetter {
  const content = JSON.parse(text) as Partial<Record<'format' | 'key' | 'value' | 'headers' | 'source', unknown>> | null
  if (content?.format !== 'drakkar-dead-letter/1') throw new Error('it is no dead letter of this format')
  if (!Array.isArray(content.headers)) throw new Error('its headers are no list')
  const { timestamp } = (content.source ?? {}) as { timestamp?: unknown }
  return {
    place: { kind: 'file', path },
    key: bytesOf(content.key),
    value: bytesOf(content.value),
    headers: content.headers.map((header: unknown): Header => {
      const [name, value] = Array.isArray(header) ? (header as unknown[]) : []
      if (typeof name !== 'string') throw new Error('a header has no name')
      return [name, bytesOf(value)]
    }),
    timestamp: typeof timestamp === 'number' ? timestamp : null,
  }
}

function bytesOf(base64: unknown): Buffer | null {
  if (base64 === null) return null
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64')
  throw new Error('key, value and headers must be base64 or null')
}
