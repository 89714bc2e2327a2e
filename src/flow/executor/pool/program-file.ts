import { stat } from 'node:fs/promises'
import type { ProgramIdentity } from '../../../model/index.ts'
import { resolveProgram } from '../launcher/program-format.ts'

/** The files that a pool runs, as they are now. */
export interface ProgramFiles {
  /** Changes when one of them does. */
  readonly stamp: string
  readonly program: ProgramIdentity
}

export interface WatchedFiles {
  readonly program: string
  /** The PATH of the program's environment. */
  readonly path: string | undefined
  readonly cwd: string
  /** Further files, e.g. the script of an interpreter. */
  readonly watch: readonly string[]
}

/** Null where one of them is not there now: an upgrade may be under way, and the launch says what is wrong. */
export async function lookAtFiles({ program, path, cwd, watch }: WatchedFiles): Promise<ProgramFiles | null> {
  const file = resolveProgram(program, path, cwd)
  if (file === null) return null
  try {
    const [own, ...others] = await Promise.all([file, ...watch].map((name) => stat(name)))
    if (own === undefined) return null
    const stamp = [own, ...others].map(({ dev, ino, size, mtimeMs }) => `${dev}:${ino}:${size}:${mtimeMs}`).join(' ')
    return { stamp, program: { path: file, ino: own.ino, mtimeMs: own.mtimeMs } }
  } catch {
    return null
  }
}
