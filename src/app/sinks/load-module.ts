import { readFileSync } from 'node:fs'
import { createRequire, findPackageJSON } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isSinkKind, type SinkKind } from '../../flow/sinks/index.ts'
import { DrakkarError, reasonOf } from '../../model/index.ts'

/** What `defineSink` wants, for advice. */
const SHAPE = 'Its default export must be `defineSink({ kind, create(name, options) { … } })` of drakkar.'

/**
 * Imports the module of a kind of sink: a file (`./x.ts`, absolute, relative to the working directory) or a package that
 * is installed there. `path` is the place in the configuration. Throws SINK_INVALID with what to do.
 */
export async function loadSinkKind(module: string, kind: string, path: string): Promise<SinkKind> {
  const exported = unwrap(await imported(module, path))
  if (!isSinkKind(exported)) throw invalid(path, `${module} exports no sink as its default`, SHAPE)
  if (typeof exported.kind !== 'string' || typeof exported.create !== 'function')
    throw invalid(path, `${module}: defineSink() was given no kind or no create()`, SHAPE)
  if (exported.kind === kind) return exported
  throw invalid(
    path,
    `${module} is a sink of the kind ${JSON.stringify(exported.kind)}, and stands under ${JSON.stringify(kind)}`,
    `Write its instances under sinks.custom.${exported.kind}.`,
  )
}

async function imported(module: string, path: string): Promise<unknown> {
  const isFile = module.startsWith('.') || isAbsolute(module)
  try {
    const loaded = (await import(isFile ? pathToFileURL(resolve(module)).href : inWorkingDirectory(module))) as {
      readonly default?: unknown
    }
    return loaded.default
  } catch (error) {
    throw new DrakkarError('SINK_INVALID', `${path}: the module ${module} cannot be loaded: ${reasonOf(error)}`, {
      cause: error,
      advice: isMissing(error, module)
        ? isFile
          ? 'There is no such file; the path is relative to the working directory.'
          : `Install it (npm install ${module}), or name its file in ${path}.module.`
        : 'The error comes from the module itself, when it was imported.',
    })
  }
}

/** Packages are looked for where the worker runs, not where drakkar is installed. */
function inWorkingDirectory(name: string): string {
  const from = join(process.cwd(), 'drakkar.yaml')
  try {
    return pathToFileURL(createRequire(from).resolve(name)).href
  } catch (error) {
    // What `import` alone may load, `require` does not find; `import` itself would look for it from here.
    const file = (error as { code?: unknown }).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' ? importOnly(name, from) : null
    if (file === null) throw error
    return pathToFileURL(file).href
  }
}

/** The file that a package exports to `import`, as its package.json says; null where it does not. */
function importOnly(name: string, from: string): string | null {
  const manifest = findPackageJSON(name, from)
  if (manifest === undefined) return null
  const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly exports?: unknown }
  const main = typeof exports === 'object' && exports !== null && '.' in exports ? exports['.'] : exports
  const target = chosen(main)
  return target === null ? null : join(dirname(manifest), target)
}

function chosen(target: unknown): string | null {
  if (typeof target === 'string') return target
  if (typeof target !== 'object' || target === null) return null
  const conditions = Object.entries(target).filter(([name]) => ['node', 'import', 'default'].includes(name))
  return conditions.map(([, inner]) => chosen(inner)).find((found) => found !== null) ?? null
}

function isMissing(error: unknown, module: string): boolean {
  const code = String((error as { code?: unknown }).code)
  return /^(ERR_)?MODULE_NOT_FOUND$/.test(code) && reasonOf(error).includes(module.replace(/^\.\//, ''))
}

/** A CommonJS module that was compiled from `export default` carries it one level deeper. */
function unwrap(exported: unknown): unknown {
  if (typeof exported !== 'object' || exported === null || isSinkKind(exported)) return exported
  return 'default' in exported ? exported.default : exported
}

/** The error of a sink's module: what, where, what to do. */
export function invalid(path: string, text: string, advice: string, cause?: unknown): DrakkarError {
  return new DrakkarError('SINK_INVALID', `${path}: ${text}`, { advice, cause })
}
