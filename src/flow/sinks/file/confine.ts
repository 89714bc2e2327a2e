import { lstat, mkdir, realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'

/** A path that leaves the base folder through a symbolic link, or cannot be a file; the record's own fault. */
export class PathError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PathError'
  }
}

export interface ConfinedPath {
  /** The file's real path: parents and the file itself are no links any more. The file need not exist. */
  readonly path: string
  /** Folders that got a new entry for it: they must be flushed before the file is durable. */
  readonly changed: readonly string[]
}

/**
 * Finds where a relative path really leads and makes the folders that are missing, never outside `base` (a real path).
 * Whoever can write in `base` while this runs could still swap a folder for a link; who may not write there cannot leave.
 *
 * @throws PathError where it leads out of `base`.
 */
export async function confine(base: string, relative: string): Promise<ConfinedPath> {
  const parts = relative.split('/')
  const name = parts.pop() as string
  const changed: string[] = []
  let folder = base
  for (const part of parts) {
    const next = join(folder, part)
    const real = await realOrNull(next)
    if (real === null) {
      if (await makeFolder(next)) changed.push(folder)
      folder = next
      continue
    }
    if (real !== base && !isInside(base, real)) {
      throw new PathError(`${relative} leaves the folder ${base} by the link ${next}`)
    }
    folder = real
  }
  const path = join(folder, name)
  const real = await realOrNull(path)
  if (real === null) return { path, changed: [...changed, folder] }
  if (!isInside(base, real)) throw new PathError(`${relative} leaves the folder ${base} by the link ${path}`)
  return { path: real, changed }
}

function isInside(base: string, path: string): boolean {
  return path.startsWith(base.endsWith(sep) ? base : base + sep)
}

/** Null where there is nothing; a link that leads to nothing is an error, because what it would create is unknown. */
async function realOrNull(path: string): Promise<string | null> {
  try {
    return await realpath(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
  const isLink = await lstat(path).then(
    (stat) => stat.isSymbolicLink(),
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false
      throw error
    },
  )
  if (isLink) throw new PathError(`${path} is a link that leads to nothing (in ${dirname(path)})`)
  return null
}

/** False where another one made it meanwhile. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
}

/** The system's code of an error (`ENOSPC`); '' where it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
