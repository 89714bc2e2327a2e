import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type YAMLError } from 'yaml'
import { reasonOf } from '../../model/index.ts'
import type { Origin } from '../origin.ts'
import type { Problem } from '../problem.ts'
import { hidesLine } from '../redact.ts'
import { dotted, isTree, type Path } from '../tree.ts'

/** What a configuration file says, as it is written. */
export interface FileLayer {
  readonly tree: unknown
  readonly origins: Map<string, Origin>
  readonly problems: readonly Problem[]
}

const EMPTY: FileLayer = { tree: {}, origins: new Map(), problems: [] }

/** Reads YAML. Every fault of the syntax is a problem with its line and an extract; an empty file sets nothing. */
export function fileLayer(text: string, file: string): FileLayer {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true, merge: true })
  if (document.errors.length > 0)
    return { ...EMPTY, problems: document.errors.map((error) => syntaxProblem(error, text, file)) }
  const aliases = aliasProblems(document, lines, file)
  if (aliases.length > 0) return { ...EMPTY, problems: aliases }
  let tree: unknown
  try {
    tree = document.toJS()
  } catch (error) {
    return { ...EMPTY, problems: [{ path: [], at: file, text: reasonOf(error) }] }
  }
  if (tree === null || tree === undefined) return EMPTY
  if (!isTree(tree))
    return {
      ...EMPTY,
      problems: [
        {
          path: [],
          at: `${file}:1:1`,
          text: 'a configuration is made of sections (`executor:`, `sinks:`, …), but this is one value',
        },
      ],
    }
  return { tree, origins: positions(document, lines, file), problems: [] }
}

/** Aliases of no anchor, and those that stand inside of what they name and would never end. */
function aliasProblems(document: Document, lines: LineCounter, file: string): Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Alias(_, alias) {
      const { line, col } = lines.linePos(alias.range?.[0] ?? 0)
      const named = alias.resolve(document)
      const [start = 0, , end = 0] = named?.range ?? []
      const at = alias.range?.[0] ?? 0
      const fault =
        named === undefined
          ? 'names no anchor before it'
          : at > start && at < end
            ? 'stands inside of what it names'
            : ''
      if (fault !== '')
        problems.push({ path: [], at: `${file}:${line}:${col}`, text: `the alias *${alias.source} ${fault}` })
    },
  })
  return problems
}

function positions(document: Document, lines: LineCounter, file: string): Map<string, Origin> {
  const origins = new Map<string, Origin>()
  const note = (path: Path, offset: number | undefined, value: unknown): void => {
    const { line, col } = lines.linePos(offset ?? 0)
    const text = `${file}:${line}:${col}`
    const spelled = isScalar(value) && typeof value.value !== 'string' ? value.source : undefined
    origins.set(dotted(path), spelled === undefined ? { text } : { text, spelling: spelled })
  }
  const walk = (node: unknown, path: Path): void => {
    const here = isAlias(node) ? node.resolve(document) : node
    if (isMap(here)) {
      for (const { key, value } of here.items) {
        if (!isScalar(key) || key.value === '<<') continue
        const inside = [...path, String(key.value)]
        note(inside, key.range?.[0], value)
        walk(value, inside)
      }
    } else if (isSeq(here)) {
      for (const [at, item] of here.items.entries()) {
        note([...path, at], rangeOf(item), item)
        walk(item, [...path, at])
      }
    }
  }
  walk(document.contents, [])
  return origins
}

const rangeOf = (node: unknown): number | undefined =>
  isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined

function syntaxProblem(error: YAMLError, text: string, file: string): Problem {
  const [start] = error.linePos ?? []
  const [message = ''] = error.message.replace(/ at line \d+, column \d+:?/, '').split('\n')
  if (start === undefined) return { path: [], at: file, text: message }
  const line = text.split('\n')[start.line - 1]?.replace(/\r$/, '') ?? ''
  const extract =
    line.trim() === '' || hidesLine(line)
      ? ''
      : `\n      ${line.slice(0, 160)}\n      ${' '.repeat(Math.min(start.col - 1, 160))}^`
  return { path: [], at: `${file}:${start.line}:${start.col}`, text: `${message}${extract}` }
}
