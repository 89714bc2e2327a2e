import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from './confine.ts'
import { NOTES_FOLDER } from './relative-path.ts'

/** A record does not come again so late: what was not written to for this long needs no notes. */
const KEPT_MS = 7 * 24 * 3600 * 1000

/** Removes notes about files that nothing was written to for a week; files named by date would leave them for ever. */
export async function removeOldNotes(base: string, nowMs: number): Promise<void> {
  const folder = join(base, NOTES_FOLDER)
  const names = await readdir(folder).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  })
  for (const name of names) {
    const path = join(folder, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }))
    if (nowMs - mtimeMs > KEPT_MS) await rm(path, { force: true })
  }
}
