import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outcome } from '../../../model/index.ts'

/** True where a run has left something on disk that has to be removed when its task has settled. */
export function hasFiles(outcome: Outcome): boolean {
  return outcome.stdoutFile !== undefined || outcome.scratch !== undefined
}

/**
 * Removes what a run has left on disk: its scratch folder and its spilled output. Never fails; what cannot be removed now goes
 * with the worker's folder, when it stops or by the next worker's sweep.
 */
export async function discardFiles(outcome: Outcome): Promise<void> {
  if (outcome.stdoutFile !== undefined) await rm(outcome.stdoutFile.path, { force: true }).catch(() => undefined)
  if (outcome.scratch !== undefined) await removeFolder(outcome.scratch)
}

/** Also where the program took its own rights on a folder away. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch {
    await openUp(path).catch(() => undefined)
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
}

async function openUp(folder: string): Promise<void> {
  await chmod(folder, 0o700)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await openUp(join(folder, entry.name))
  }
}
