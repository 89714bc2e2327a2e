import { DrakkarError } from '../model/index.ts'
import { type Layer, originIn } from './origin.ts'
import { dotted, type Path } from './tree.ts'

/** One thing that is wrong with a configuration. */
export interface Problem {
  readonly path: Path
  /** What is wrong and what is allowed, to be read after the path. */
  readonly text: string
  /** Replaces where the value at the path was written, where the fault lies elsewhere (a line of the file, a variable's name). */
  readonly at?: string
  /** Where to look when the value at the path is only a default: the setting that does not go with it. */
  readonly beside?: Path
  /** Something is missing: the section around it is where to look. */
  readonly missing?: true
}

/** By file, line and column. */
const inOrder = new Intl.Collator('en', { numeric: true })

/** One error that tells every problem, a line each: where, which setting, what is allowed. */
export function invalid(
  problems: readonly Problem[],
  layers: readonly Layer[],
  file: string | undefined,
): DrakkarError {
  const lines = [...new Set(problems.map((problem) => lineOf(problem, layers)))].sort(inOrder.compare)
  const count = lines.length === 1 ? '' : `, ${lines.length} problems`
  return new DrakkarError(
    'CONFIG_INVALID',
    `The configuration is not valid${count}:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    {
      advice: `\`drakkar config check${file === undefined ? '' : ` -c ${file}`}\` checks it without starting anything; docs/reference/configuration.md has every setting.`,
    },
  )
}

function lineOf(problem: Problem, layers: readonly Layer[]): string {
  const { path, text } = problem
  const origin = originIn(layers, path)
  const where = whereOf(problem, layers)
  if (path.length === 0) return `${where}: ${text}`
  const name = origin?.as === undefined ? dotted(path) : `${origin.as} (now ${dotted(path)})`
  return `${where}: ${name} ${text}`
}

function whereOf({ path, at, beside = [], missing }: Problem, layers: readonly Layer[]): string {
  if (at !== undefined) return at
  const own = originIn(layers, path)
  if (own !== undefined || missing !== true) return (own ?? originIn(layers, beside))?.text ?? 'default'
  const around = path
    .map((_, length) => originIn(layers, path.slice(0, length)))
    .findLast((found) => found !== undefined)
  return around?.text ?? 'nowhere'
}
