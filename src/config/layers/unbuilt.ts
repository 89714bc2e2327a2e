import { INSTANCES, VERBATIM } from '../camel-case.ts'
import { originAt } from '../origin.ts'
import { dotted, isTree, type Path, valueAt, withValue } from '../tree.ts'
import { type Draft, refuse } from './older.ts'

/** Sections that only add something: without them the results are the same. */
export const KNOWN_UNBUILT: readonly string[] = [
  'debug',
  'ui',
  'cache',
  'storage',
  'throughput',
  'runtime_health',
  'io',
  'offload',
]

const ADDITIONS: readonly Path[] = [...KNOWN_UNBUILT.map((name) => [name]), ['metrics', 'task_label_histograms']]

/** Sources that a worker would have to serve: ignoring one that is switched on would leave its messages unserved. */
const SOURCES: readonly Path[] = [['sources', 'http'], ['webapp']]

/** Options that change what is guaranteed, with the values that ask for nothing. */
const GUARANTEES: Readonly<Record<string, readonly unknown[]>> = {
  ordering: ['none'],
  retry_topics: [],
  transactional: [],
  delivery: ['batch', 'at-least-once', 'at_least_once'],
}

/** First steps of every path that is known here and not in the schema. */
export const UNBUILT_ROOTS: readonly string[] = [
  ...new Set([...ADDITIONS, ...SOURCES].map(([root]) => String(root))),
  ...Object.keys(GUARANTEES),
]

/** Takes out what is known and not there yet: a notice where it only adds, a problem where it would change a guarantee. */
export function takeOutUnbuilt(draft: Draft): void {
  for (const path of ADDITIONS) {
    if (takeOut(draft, path) !== undefined) notice(draft, path, 'known, not available yet: it has no effect')
  }
  for (const path of SOURCES) {
    const source = takeOut(draft, path)
    if (source === undefined) continue
    if (isOn(valueAt(source, ['enabled']))) {
      refuse(
        draft,
        [...path, 'enabled'],
        'is switched on, and this source is not available yet; its requests would go unanswered: set it to false',
      )
    } else notice(draft, path, 'known, not available yet: it is switched off anyway')
  }
  refuseGuarantees(draft, [])
}

function takeOut(draft: Draft, path: Path): unknown {
  const value = valueAt(draft.tree, path)
  if (value !== undefined) draft.tree = withValue(draft.tree, path, undefined)
  return value
}

function notice(draft: Draft, path: Path, text: string): void {
  const origin = originAt(draft.origins, path)
  draft.notices.push(`${dotted(path)}${origin === undefined ? '' : ` (${origin.text})`}: ${text}`)
}

const isKafkaSink = (path: Path): boolean => path.length === 3 && path[0] === 'sinks' && path[1] === 'kafka'

const isOn = (value: unknown): boolean => value === true || /^(true|yes|on|1)$/i.test(String(value))

function asksForNothing(name: string, value: unknown): boolean {
  if (value === null || value === false || (Array.isArray(value) && value.length === 0)) return true
  const text = typeof value === 'string' ? value.toLowerCase() : 'asked for'
  return ['', 'false', 'none', 'off', 'no'].includes(text) || GUARANTEES[name]?.includes(text) === true
}

function refuseGuarantees(draft: Draft, path: Path): void {
  const section = valueAt(draft.tree, path)
  if (!isTree(section)) return
  const instances = INSTANCES.has(dotted(path))
  for (const [name, value] of Object.entries(section)) {
    const here = [...path, name]
    if (!instances && VERBATIM.has(name)) continue
    if (path.length === 0 && name === 'delivery' && /^(batch|atomic)$/i.test(String(value))) continue
    if (name === 'transactional' && isKafkaSink(path)) continue
    if (instances || !Object.hasOwn(GUARANTEES, name)) {
      refuseGuarantees(draft, here)
      continue
    }
    if (!asksForNothing(name, value)) {
      refuse(
        draft,
        here,
        name === 'delivery' && path.length > 0
          ? 'has no effect here, and it changes what is guaranteed: write `delivery: atomic` at the top level'
          : name === 'transactional'
            ? 'has no effect here, and it changes what is guaranteed: it is a setting of Kafka sinks (sinks.kafka.<name>)'
            : 'is not available yet; it changes what is guaranteed, so it is not ignored: take it out, or wait for the release that has it',
      )
    }
    takeOut(draft, here)
  }
}
