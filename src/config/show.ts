import { stringify } from 'yaml'
import { snakeKeys } from './camel-case.ts'
import type { Config } from './config.ts'
import { HIDDEN, redactConfig } from './redact.ts'
import { dotted, isTree, type Path } from './tree.ts'

export interface ShownOrigins {
  readonly origin: (path: string) => string
  readonly isSecret: (path: string) => boolean
}

/**
 * The complete configuration as YAML, in the names of the file; secrets are `***`. With `origins` each line says where
 * its value comes from.
 */
export function toYaml(config: Config, options: { readonly origins?: ShownOrigins } = {}): string {
  const { origins } = options
  const rows = rowsOf(snakeKeys(redactConfig(config)), [], origins)
  const width = Math.min(
    64,
    Math.max(0, ...rows.filter(({ path }) => path !== undefined).map(({ text }) => text.length)),
  )
  const lines = rows.map(({ text, path }) =>
    origins === undefined || path === undefined ? text : `${text.padEnd(width)}  # ${origins.origin(dotted(path))}`,
  )
  return `${lines.join('\n')}\n`
}

interface Row {
  readonly text: string
  /** Where there is a value. */
  readonly path?: Path
}

function rowsOf(tree: unknown, path: Path, origins: ShownOrigins | undefined): Row[] {
  if (!isTree(tree)) return []
  const indent = '  '.repeat(path.length)
  // Without brokers of its own a client has those of `kafka`, with their security: its own would mislead.
  const inherits = path.length > 0 && tree['brokers'] === ''
  return Object.entries(tree).flatMap(([key, value]): Row[] => {
    if (inherits && (key === 'security' || key === 'client_config')) return []
    const here = [...path, key]
    const name = `${indent}${scalar(key)}:`
    if (isTree(value) && Object.keys(value).length > 0) return [{ text: name }, ...rowsOf(value, here, origins)]
    const shown = origins?.isSecret(dotted(here)) === true ? HIDDEN : value
    return [{ text: `${name} ${scalar(shown)}`, path: here }]
  })
}

/** A value on one line. */
function scalar(value: unknown): string {
  if (typeof value === 'string' && /[\n\r]/.test(value)) return JSON.stringify(value)
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim()
}
