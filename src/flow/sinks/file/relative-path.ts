import { isAbsolute } from 'node:path'
import { typeName } from '../json-text.ts'

/** Folder of the sink's own notes in its base folder. */
export const NOTES_FOLDER = '.drakkar'

/** Nothing to take out, and nothing to refuse: no part is empty or begins with a dot. */
const PLAIN = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/

/**
 * A path without empty and `.` parts.
 *
 * @throws Error for the handler's author where it would leave the base folder or names no file.
 */
export function relativePath(path: unknown): string {
  if (typeof path !== 'string') throw new Error(`\`path\` must be a string, not ${typeName(path)}`)
  if (PLAIN.test(path)) return path
  const shown = JSON.stringify(path)
  if (path.includes('\0')) throw new Error(`\`path\` ${shown} has a NUL in it`)
  if (isAbsolute(path)) throw new Error(`\`path\` ${shown} must be relative to the sink's base_path`)
  if (path === '' || path.endsWith('/')) throw new Error(`\`path\` ${shown} does not name a file`)
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw new Error(`\`path\` ${shown} must not have .. in it`)
  if (parts.length === 0) throw new Error(`\`path\` ${shown} does not name a file`)
  if (parts[0] === NOTES_FOLDER) throw new Error(`\`path\` ${shown}: ${NOTES_FOLDER} is the sink's own folder`)
  return parts.join('/')
}
