import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const SOURCES = join(import.meta.dirname, '..', '..', 'launcher')
const STRICT = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Werror']
const SANITIZED = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']

export const HAS_COMPILER: boolean =
  process.platform === 'linux' && spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0

/** The sources of the launcher itself. */
export const LAUNCHER_SOURCES: readonly string[] = readdirSync(SOURCES)
  .filter((name) => name.endsWith('.c'))
  .map((name) => join(SOURCES, name))

/** Compiles strictly and with sanitizers; what the compiler has to say is an error. */
export function compileSanitized(sources: readonly string[], target: string): void {
  const { status, stderr } = spawnSync('cc', [...STRICT, ...SANITIZED, '-o', target, ...sources], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the compiler says:\n${stderr}`)
}

/** Writes a list of native launchers with this one file, which lies beside it. */
export function listOf(folder: string, file: string): string {
  const sha256 = createHash('sha256')
    .update(readFileSync(join(folder, file)))
    .digest('hex')
  const list = join(folder, 'launchers.json')
  writeFileSync(list, JSON.stringify({ programs: { [`${process.platform}-${process.arch}`]: { file, sha256 } } }))
  return list
}
