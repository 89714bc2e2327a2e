import { type Interpolated, interpolated, type Surroundings } from '../interpolate.ts'
import { originAt } from '../origin.ts'
import { dotted, isTree, type Path } from '../tree.ts'
import type { Draft } from './older.ts'

/** Dotted paths of values that are nothing but one `${…}`: outside texts, whose form the setting decides. */
export type Whole = ReadonlySet<string>

/** Puts in every `${…}` of the file's texts. */
export function fillIn(draft: Draft, from: Surroundings): Whole {
  const whole = new Set<string>()
  const note = (path: Path, result: Interpolated): void => {
    for (const text of result.problems) draft.problems.push({ path, text })
    if (result.whole) whole.add(dotted(path))
    const origin = originAt(draft.origins, path)
    if (result.secret && origin !== undefined) draft.origins.set(dotted(path), { ...origin, secret: true })
  }
  const walk = (value: unknown, path: Path): unknown => {
    if (typeof value === 'string') {
      if (!value.includes('${')) return value
      const result = interpolated(value, from)
      note(path, result)
      return result.text
    }
    if (Array.isArray(value)) return value.map((item: unknown, at) => walk(item, [...path, at]))
    if (!isTree(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, [...path, key])]))
  }
  draft.tree = walk(draft.tree, [])
  return whole
}
