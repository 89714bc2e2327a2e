import { access, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { flushFolder } from '../../../lib/index.ts'
import { errorCode } from './confine.ts'
import type { OpenFile } from './open-files.ts'
import { finishedName, PART } from './rotation.ts'

/**
 * Gives a file its final name, under which nothing is written to it any more; one that is empty goes. Its notes come
 * first: after a crash between the two it is still written on, and its records are known.
 */
export async function finish(file: OpenFile, atMs: number, flush: boolean): Promise<void> {
  if (file.size === 0) {
    await rm(file.path, { force: true })
    return
  }
  await file.notebook?.settle()
  const folder = dirname(file.path)
  const name = basename(file.path).slice(0, -PART.length)
  let path = join(folder, finishedName(name, atMs, 0))
  for (let n = 1; await exists(path); n += 1) path = join(folder, finishedName(name, atMs, n))
  await rename(file.path, path)
  if (flush) await flushFolder(folder)
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}
