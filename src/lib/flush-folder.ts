import { open } from 'node:fs/promises'

/** Makes new, renamed and deleted entries of a folder survive a loss of power. */
export async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
