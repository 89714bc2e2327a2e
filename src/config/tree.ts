/** Names and indexes from the root to a setting, in the names of the file. */
export type Path = readonly (string | number)[]

export type Tree = { readonly [key: string]: unknown }

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A path as people write it: `sinks.kafka.output.topic`, `executor.env_inherit_deny[2]`. */
export const dotted = (path: Path): string =>
  path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('')

/** The path that `dotted` wrote. */
export const parsedPath = (text: string): Path =>
  [...text.matchAll(/\[(\d+)\]|[^.[]+/g)].map(([step, index]) => (index === undefined ? step : Number(index)))

export function valueAt(tree: unknown, path: Path): unknown {
  let here = tree
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined
    here = (here as { readonly [step: string | number]: unknown })[step]
  }
  return here
}

/** A copy of the tree with the value at the path; undefined takes the key away, and sections that it leaves empty. */
export function withValue(tree: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (Array.isArray(tree) && typeof step === 'number') {
    return tree.map((item, at) => (at === step ? withValue(item, rest, value) : item))
  }
  const under = isTree(tree) ? tree : {}
  const inner = withValue(own(under, String(step)), rest, value)
  const others = Object.entries(under).filter(([key]) => key !== String(step))
  const gone = inner === undefined || (value === undefined && isTree(inner) && Object.keys(inner).length === 0)
  return Object.fromEntries(gone ? others : [...others, [String(step), inner]])
}

/** Both trees; `over` wins, scalars and lists are replaced. */
export function merged(under: unknown, over: unknown): unknown {
  if (!isTree(under) || !isTree(over)) return over === undefined ? under : over
  const keys = new Set([...Object.keys(under), ...Object.keys(over)])
  return Object.fromEntries([...keys].map((key) => [key, merged(own(under, key), own(over, key))]))
}

export const own = (tree: Tree, key: string): unknown => (Object.hasOwn(tree, key) ? tree[key] : undefined)
