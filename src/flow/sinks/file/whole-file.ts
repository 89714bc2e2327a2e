import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { confine } from './confine.ts'

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants

/**
 * Writes a file of its own: readers see all of it or nothing. Where there is one already it is replaced, so a record that
 * comes again changes nothing. Answers the folders that must be flushed before the file is durable. A crash can leave `.<name>.tmp`, which the record takes up again when it comes again.
 */
export async function writeWhole(
  base: string,
  relative: string,
  bytes: Buffer,
  flush: boolean,
): Promise<readonly string[]> {
  const { path, changed } = await confine(base, relative)
  const folder = dirname(path)
  const draft = join(folder, `.${basename(path)}.tmp`)
  const handle = await open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644)
  try {
    try {
      await handle.writeFile(bytes)
      if (flush) await handle.datasync()
    } finally {
      await handle.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw error
  }
  return [...changed, folder]
}
