import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
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
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'drakkar.yaml')).resolve(name)).href
  } catch (error) {
    // A package that `import` alone may load: Node looks for it from here.
    if ((error as { code?: unknown }).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return name
    throw error
  }
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
