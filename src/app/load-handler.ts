import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkHandler } from '../handler/index.ts'
import { DrakkarError, type Handler, reasonOf } from '../model/index.ts'

/** Folder of this package's own code. */
const OURS = dirname(import.meta.dirname)

/**
 * Imports a handler file (JavaScript, or TypeScript that Node can strip) and checks its default export. Throws
 * HANDLER_INVALID with what to do.
 */
export async function loadHandler(path: string): Promise<Handler> {
  const file = resolve(path)
  let loaded: { readonly default?: unknown }
  try {
    loaded = (await import(pathToFileURL(file).href)) as { readonly default?: unknown }
  } catch (error) {
    throw new DrakkarError('HANDLER_INVALID', `${path} cannot be loaded: ${reasonOf(error)}${placeOf(error)}`, {
      cause: error,
      advice: adviceFor(error, file),
    })
  }
  return checkHandler(unwrap(loaded.default), path)
}

/** A CommonJS module that was compiled from `export default` carries it one level deeper. */
function unwrap(exported: unknown): unknown {
  if (typeof exported !== 'object' || exported === null || 'arrange' in exported) return exported
  return 'default' in exported ? exported.default : exported
}

/** Where in the user's files it went wrong, as far as the stack tells. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  for (const [, place = ''] of stack.matchAll(/(?:file:\/\/)?(\/[^\s():]+:\d+(?::\d+)?)/g)) {
    if (!place.startsWith(OURS)) return ` (${place})`
  }
  return ''
}

function adviceFor(error: unknown, file: string): string {
  const { code, url } = error as { code?: unknown; url?: unknown }
  const own = url === pathToFileURL(file).href
  if (code === 'ERR_MODULE_NOT_FOUND' && own) return 'There is no such file; give the path of your handler.'
  if (code === 'ERR_UNSUPPORTED_DIR_IMPORT' && own) return 'This is a folder; give the path of the handler file in it.'
  const known = ADVICE[String(code)]
  if (known !== undefined) return known
  const message = reasonOf(error)
  if (/Cannot use import statement|Unexpected token 'export'|(require|module|exports) is not defined/.test(message)) {
    return 'The folder is CommonJS: name the file handler.mts (or .mjs), or put "type": "module" into its package.json.'
  }
  if (error instanceof SyntaxError) return `It is not valid JavaScript; \`node --check\` of the file shows the place.`
  return 'The error comes from the handler’s own code, when it was imported.'
}

const ADVICE: Readonly<Record<string, string>> = {
  ERR_MODULE_NOT_FOUND:
    'Install the missing package, or correct the import (relative imports need their file extension: ./x.ts).',
  ERR_UNSUPPORTED_DIR_IMPORT: 'An import names a folder: name a file in it, with its extension.',
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX:
    'Node strips types and runs the rest: enums, namespaces and parameter properties cannot be stripped. Replace them ' +
    '(`"erasableSyntaxOnly": true` in tsconfig.json finds them), or compile the handler to JavaScript.',
  ERR_INVALID_TYPESCRIPT_SYNTAX: 'It is not valid TypeScript.',
  ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING:
    'Node strips no types below node_modules: keep the handler in your own folder, or compile it.',
}
