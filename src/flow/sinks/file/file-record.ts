import { isAbsolute } from 'node:path'
import type { FileOutput } from '../../../model/index.ts'
import { jsonText, typeName } from '../json-text.ts'

/** A `FileOutput` as the bytes of its line. */
export interface FileLine {
  /** Relative, without empty, `.` and `..` parts. */
  readonly path: string
  /** JSON and a line feed. */
  readonly line: Buffer
}

/**
 * Takes an output apart into a path and a line.
 *
 * @throws Error for the handler's author where that cannot be done, or the path would leave the base folder.
 */
export function fileLine(output: unknown): FileLine {
  if (typeof output !== 'object' || output === null) throw new Error('must be an object { path, data }')
  const { path, data } = output as Partial<FileOutput>
  if (data === undefined) throw new Error('`data` is missing')
  return { path: relativePath(path), line: Buffer.from(`${jsonText(data)}\n`, 'utf8') }
}

function relativePath(path: unknown): string {
  if (typeof path !== 'string') throw new Error(`\`path\` must be a string, not ${typeName(path)}`)
  const shown = JSON.stringify(path)
  if (path.includes('\0')) throw new Error(`\`path\` ${shown} has a NUL in it`)
  if (isAbsolute(path)) throw new Error(`\`path\` ${shown} must be relative to the sink's base_path`)
  if (path === '' || path.endsWith('/')) throw new Error(`\`path\` ${shown} does not name a file`)
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw new Error(`\`path\` ${shown} must not have .. in it`)
  if (parts.length === 0) throw new Error(`\`path\` ${shown} does not name a file`)
  return parts.join('/')
}
