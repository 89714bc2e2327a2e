import { reasonOf } from '../model/index.ts'

/** Where `${…}` gets its values from. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The text of a file; throws where it cannot be read. */
  readonly read: (path: string) => string
}

export interface Interpolated {
  readonly text: string
  /** Nothing else stood in the text: what came in is the value. */
  readonly whole: boolean
  /** Something came from a file, as secrets do. */
  readonly secret: boolean
  readonly problems: readonly string[]
}

const PATTERN = /\$\$\{|\$\{([^}]*)(\})?/g
const FORM = /^(?:file:(?<file>.+)|(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>.*))?)$/s

/**
 * Puts in `${NAME}`, `${NAME:-default}` (where the variable is unset or empty) and `${file:/path}` (without its last
 * line end); `$${` stands for a plain `${`.
 */
export function interpolated(text: string, from: Surroundings): Interpolated {
  const problems: string[] = []
  let secret = false
  const result = text.replace(PATTERN, (found, inner: string | undefined, closed: string | undefined) => {
    if (found === '$${') return '${'
    const groups = closed === undefined ? undefined : FORM.exec(inner ?? '')?.groups
    if (groups === undefined) {
      problems.push(
        `has ${closed === undefined ? '${ without }' : found}; use \${NAME}, \${NAME:-default} or \${file:/path}, and $\${ for a plain \${`,
      )
      return ''
    }
    const { file, name = '', fallback } = groups
    if (file !== undefined) {
      secret = true
      return fromFile(file, from, problems)
    }
    const value = Object.hasOwn(from.env, name) ? from.env[name] : undefined
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value
    if (value === undefined)
      problems.push(
        `needs the environment variable ${name}, which is not set; \${${name}:-default} would give it a default`,
      )
    return value ?? ''
  })
  const whole = /^\$\{[^}]*\}$/.test(text)
  return { text: result, whole, secret, problems }
}

function fromFile(path: string, from: Surroundings, problems: string[]): string {
  try {
    return from.read(path).replace(/\r?\n$/, '')
  } catch (error) {
    problems.push(`needs the file ${path}, which cannot be read: ${reasonOf(error)}`)
    return ''
  }
}
