import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../json-schema.ts'
import { type Origin, originAt } from '../origin.ts'
import type { Problem } from '../problem.ts'
import { settingAt } from '../shape.ts'
import { dotted, type Path, valueAt, withValue } from '../tree.ts'

/** What one layer says, while its names are brought up to date. */
export interface Draft {
  tree: unknown
  readonly origins: Map<string, Origin>
  readonly problems: Problem[]
  readonly notices: string[]
}

/** Notes a problem while the origin of the value is known: the value itself may be taken out later. */
export function refuse(draft: Draft, path: Path, text: string): void {
  const at = originAt(draft.origins, path)?.text
  draft.problems.push({ path, text, ...(at === undefined ? {} : { at }) })
}

/** Names that earlier releases gave to settings, and what each is called now. */
function renames(settings: JsonSchema): readonly (readonly [from: Path, to: Path])[] {
  const consumer = Object.keys(settingAt(settings, ['sources', 'kafka'])?.properties ?? {})
  const moved = consumer.filter((name) => name !== 'enabled' && name !== 'topic')
  return [
    [
      ['kafka', 'source_topic'],
      ['sources', 'kafka', 'topic'],
    ],
    ...moved.map((name): [Path, Path] => [
      ['kafka', name],
      ['sources', 'kafka', name],
    ]),
  ]
}

/** Puts settings with older names where they are now; both names with different values are a problem. */
export function bringUpToDate(draft: Draft, settings: JsonSchema): void {
  for (const [from, to] of renames(settings)) {
    const value = valueAt(draft.tree, from)
    if (value === undefined) continue
    const newer = valueAt(draft.tree, to)
    if (newer !== undefined && !same(value, newer)) {
      refuse(
        draft,
        from,
        `is an older name of ${dotted(to)}, and both are set, to different values; keep ${dotted(to)}`,
      )
    }
    draft.tree = withValue(draft.tree, from, undefined)
    if (newer !== undefined) continue
    draft.tree = withValue(draft.tree, to, value)
    copyOrigin(draft, from, to)
  }
  spreadDrain(draft)
  const onParseError: Path = ['sources', 'kafka', 'on_parse_error']
  if (valueAt(draft.tree, onParseError) === 'raise') draft.tree = withValue(draft.tree, onParseError, 'hold')
}

/** The one limit of a drain sets both of today's, where they are not given beside it. */
function spreadDrain(draft: Draft): void {
  const from: Path = ['executor', 'drain_timeout_seconds']
  const value = valueAt(draft.tree, from)
  if (value === undefined || value === null || Number.isNaN(Number(value)) || Number(value) <= 0) return
  for (const name of ['drain_on_revoke_seconds', 'drain_on_stop_seconds']) {
    const to: Path = ['executor', name]
    if (valueAt(draft.tree, to) !== undefined) continue
    draft.tree = withValue(draft.tree, to, value)
    copyOrigin(draft, from, to)
  }
}

function copyOrigin(draft: Draft, from: Path, to: Path): void {
  const origin = originAt(draft.origins, from)
  if (origin !== undefined) draft.origins.set(dotted(to), { ...origin, as: dotted(from) })
}

function same(left: unknown, right: unknown): boolean {
  const comparable = (value: unknown): unknown => {
    const items: readonly unknown[] = Array.isArray(value) ? value : [value]
    return items.map(String)
  }
  return isDeepStrictEqual(comparable(left), comparable(right))
}
