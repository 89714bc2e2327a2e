/** A statement with `:name` placeholders, as PostgreSQL takes it. */
export interface NamedStatement {
  /** With `$1`, `$2`, …. */
  readonly text: string
  /** Names in the order of their numbers; each once. */
  readonly names: readonly string[]
}

const MOST_PARAMETERS = 65_535

/** What is no place for a placeholder: taken whole. Sticky; the alternatives exclude each other by how they begin. */
const SKIPPED = [
  // A text with backslash escapes, and one without.
  /(?<![\w$\u0080-\uffff])[eE]'(?:[^'\\]|\\[\s\S]|'')*'/y,
  /'(?:[^']|'')*'/y,
  /"(?:[^"]|"")*"/y,
  /(?<![\w$\u0080-\uffff])\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?\$\1\$/y,
  /--[^\n]*/y,
  // Casts and named arguments.
  /::|:=/y,
] as const

const NAME = /:([A-Za-z_][A-Za-z0-9_]*)/y
const NUMBERED = /(?<![\w$\u0080-\uffff])\$\d+/y
const OPENERS = ["'", '"', '$', '-', '/', ':', 'e', 'E', '[', ']', '(', ')']

/**
 * Compiles `:name` placeholders to `$1`, `$2`, …. Texts, quoted identifiers, dollar quotes, comments (nested ones too),
 * casts, `:=` and slices of arrays are left alone.
 *
 * @throws Error for a `$1` written by hand, what never ends, and too many parameters.
 */
export function compileNamed(sql: string): NamedStatement {
  const numbers = new Map<string, number>()
  const brackets: string[] = []
  let text = ''
  for (let at = 0; at < sql.length; ) {
    const char = sql.charAt(at)
    if (!OPENERS.includes(char)) {
      text += char
      at += 1
      continue
    }
    const skipped = skipAt(sql, at)
    if (skipped > at) {
      text += sql.slice(at, skipped)
      at = skipped
      continue
    }
    if (matchAt(NUMBERED, sql, at) !== null) {
      throw new Error(`${sql.slice(at, at + 6).trim()} is written by hand: name the parameter, as :name`)
    }
    if (char === '[' || char === '(') brackets.push(char)
    if (char === ']' || char === ')') brackets.pop()
    const name = matchAt(NAME, sql, at)?.[1]
    if (name === undefined || isSlice(sql, at, brackets.at(-1) === '[')) {
      text += char
      at += 1
      continue
    }
    const number = numbers.get(name) ?? numbers.size + 1
    numbers.set(name, number)
    text += `$${number}`
    at += name.length + 1
  }
  if (numbers.size > MOST_PARAMETERS) throw new Error(`it has more than ${MOST_PARAMETERS} parameters`)
  return { text, names: [...numbers.keys()] }
}

/** A colon after an operand is no placeholder: `a[1:n]`. In brackets there may be blanks between. */
function isSlice(sql: string, at: number, inBrackets: boolean): boolean {
  if (!inBrackets) return /[\w$\u0080-\uffff]/.test(sql.charAt(at - 1))
  return /[\w$\u0080-\uffff)\]'"]/.test(sql.slice(0, at).trimEnd().at(-1) ?? '')
}

/** Where what begins here ends; `at` where nothing does. */
function skipAt(sql: string, at: number): number {
  if (sql.startsWith('/*', at)) return commentEnd(sql, at)
  for (const pattern of SKIPPED) {
    const found = matchAt(pattern, sql, at)
    if (found !== null) return at + found[0].length
  }
  const char = sql.charAt(at)
  if (char === "'" || char === '"') throw new Error(`a quote ${char} never ends`)
  return at
}

function commentEnd(sql: string, from: number): number {
  let depth = 0
  for (let at = from; at < sql.length; at += 1) {
    const pair = sql.slice(at, at + 2)
    if (pair === '/*') depth += 1
    else if (pair === '*/') depth -= 1
    else continue
    at += 1
    if (depth === 0) return at + 1
  }
  throw new Error('a comment /* never ends')
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}
