import { accessSync, constants as fsConstants, statSync } from 'node:fs'
import { constants } from 'node:os'
import type { StartPart } from './frames.ts'
import { PartRefused } from './spawn-program.ts'
import type { StartFrame } from './start-frame.ts'

export interface StartRefusal {
  readonly errno: number
  readonly part: StartPart
}

const ERRNO: Readonly<Record<string, number>> = constants.errno

/** The machine's number of a signal; 0 for none. */
export function exitSignalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : (constants.signals[signal] ?? 0)
}

/**
 * Why a start was refused, and which part of it: the system call answers the same ENOENT for a missing program and for
 * a missing working directory, and EACCES for a directory in the program's place.
 */
export function startRefusal(error: unknown, start: Pick<StartFrame, 'program' | 'cwd' | 'settings'>): StartRefusal {
  if (error instanceof PartRefused) return { errno: ERRNO[error.code] ?? ERRNO['EIO'] ?? 5, part: error.part }
  const code = codeOf(error)
  if (code === undefined) return { errno: ERRNO['EINVAL'] ?? 22, part: 'arguments' }
  const cwd = cwdFault(start.cwd)
  if (cwd !== null && (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES')) {
    return { errno: ERRNO[cwd] ?? 2, part: 'cwd' }
  }
  if (code === 'E2BIG' || code.startsWith('ERR_')) return { errno: ERRNO[code] ?? 22, part: 'arguments' }
  if (code === 'EACCES' && start.program.includes('/') && isDirectory(start.program)) {
    return { errno: ERRNO['EISDIR'] ?? 21, part: 'program' }
  }
  // The only step of a start that needs a right is the change of user and group.
  const part = code === 'EPERM' && start.settings !== undefined ? 'limits' : 'program'
  return { errno: ERRNO[code] ?? 5, part }
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

function cwdFault(cwd: string): string | null {
  if (cwd === '') return null
  try {
    if (!statSync(cwd).isDirectory()) return 'ENOTDIR'
    accessSync(cwd, fsConstants.X_OK)
    return null
  } catch (error) {
    return codeOf(error) ?? 'ENOENT'
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
