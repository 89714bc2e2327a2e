import { redactSecrets } from '../lib/index.ts'
import { snakeName } from './camel-case.ts'
import { isTree } from './tree.ts'

export const HIDDEN = '***'

const SECRET_NAME =
  /password|passwd|secret|token|credential|salt|api_?key|private_?key|key\.pem|dsn$|(^|[._])uri$|jaas|oauthbearer\.config|_key$/i
/** Names that look secret and are not. */
const OPEN_NAME = /^(env_inherit_deny|(sasl_)?password_file|bearer_token_file|ssl_key_location|ssl\.key\.location)$/i

/** Whether the values of settings with this name are never shown. */
export const isSecretName = (name: string): boolean => !OPEN_NAME.test(name) && SECRET_NAME.test(name)

/** Whether a line of YAML may hold a secret, so that no extract shows it. */
export const hidesLine = (line: string): boolean =>
  /password|passwd|secret|token|credential|dsn|uri|key|:\/\//i.test(line)

/**
 * The tree with everything secret replaced by `***`: passwords, tokens, keys, connection strings, credentials inside
 * of URLs, and the values of every `env` and `headers` (they are the user's own, so nobody can know which of them are
 * secret).
 * For trees in the names of the file and in those of the code.
 */
export function redacted(tree: unknown): unknown {
  return hidden(tree, [])
}

/** A configuration for printing; its secrets are `***`. */
export const redactConfig = <Tree>(config: Tree): Tree => redacted(config) as Tree

function hidden(value: unknown, path: readonly string[]): unknown {
  const name = path.at(-1) ?? ''
  if (value === undefined || value === null || value === '' || typeof value === 'boolean') return value
  // The names of sinks are the user's own: `sinks.kafka.tokens` is a section like any other.
  const isInstance = path[0] === 'sinks' && (path.length === 3 || (path.length === 4 && path[1] === 'custom'))
  if (!isInstance && isSecretName(snakeName(name))) return HIDDEN
  if (typeof value === 'string') return redactSecrets(value)
  if (Array.isArray(value)) return value.map((item) => hidden(item, [...path, '']))
  if (!isTree(value)) return value
  const entries = Object.entries(value)
  if ((name === 'env' || name === 'headers') && !isInstance)
    return Object.fromEntries(entries.map(([key]) => [key, HIDDEN]))
  return Object.fromEntries(entries.map(([key, inner]) => [key, hidden(inner, [...path, key])]))
}
