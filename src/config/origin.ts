import { dotted, type Path, valueAt } from './tree.ts'

/** Where a value was written. */
export interface Origin {
  /** `drakkar.yaml:4:3`, `environment variable DRAKKAR_METRICS__PORT`, `code`. */
  readonly text: string
  /** The variable, where it was one. */
  readonly variable?: string
  /** The older name that it was written under. */
  readonly as?: string
  /** How a number or boolean was spelled in the file. */
  readonly spelling?: string
  /** It came out of a file that `${file:…}` names: never shown. */
  readonly secret?: boolean
}

/** The origin of a value, or of the nearest section around it. */
export function originAt(origins: ReadonlyMap<string, Origin>, path: Path): Origin | undefined {
  for (let length = path.length; length > 0; length--) {
    const found = origins.get(dotted(path.slice(0, length)))
    if (found !== undefined) return found
  }
  return undefined
}

/** One place that settings come from; a later layer goes over the ones before it. */
export interface Layer {
  readonly tree: unknown
  readonly origins: ReadonlyMap<string, Origin>
  /** Whether the value at the path is a text from outside of YAML, in which a list is written with commas or as JSON. */
  readonly isText: (path: Path) => boolean
}

/** The origin of the value that counts at the path; undefined for a default. */
export function originIn(layers: readonly Layer[], path: Path): Origin | undefined {
  const layer = layers.findLast(({ tree }) => valueAt(tree, path) !== undefined)
  return layer === undefined ? undefined : originAt(layer.origins, path)
}
