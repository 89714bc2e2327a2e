/** Keys whose values are the user's own: what is inside of them keeps its names. */
export const VERBATIM: ReadonlySet<string> = new Set([
  'env',
  'headers',
  'client_config',
  'app',
  'custom',
  'scripts',
  'statements',
])

/** Sections that hold instances by the user's own names, as dotted paths. */
export const INSTANCES: ReadonlySet<string> = new Set([
  'sinks.kafka',
  'sinks.filesystem',
  'sinks.http',
  'sinks.redis',
  'sinks.mongo',
  'sinks.postgres',
])

export const camelName = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

export const snakeName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The tree with the names of the file turned into the names of the code. */
export const camelKeys = (tree: unknown): unknown => renamed(tree, '', camelName)

/** The tree with the names of the code turned into the names of the file; names that are already so stay. */
export const snakeKeys = (tree: unknown): unknown => renamed(tree, '', snakeName)

function renamed(tree: unknown, path: string, rename: (name: string) => string): unknown {
  if (Array.isArray(tree)) return tree.map((item) => renamed(item, `${path}[]`, rename))
  if (typeof tree !== 'object' || tree === null) return tree
  const names = INSTANCES.has(path) ? (name: string): string => name : rename
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => {
      const snake = INSTANCES.has(path) ? key : snakeName(key)
      const inside = path === '' ? snake : `${path}.${snake}`
      return [names(key), VERBATIM.has(snake) && !INSTANCES.has(path) ? value : renamed(value, inside, rename)]
    }),
  )
}
