/** An error for the handler's author: an output that no sink can take. */
export class OutputError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'OutputError'
  }
}

/**
 * The instance that an output goes to: the one it names in `sink`, or the only one of its kind.
 *
 * @throws OutputError where there is none, or several and none is named.
 */
export function chooseInstance<Instance>(
  instances: ReadonlyMap<string, ReadonlyMap<string, Instance>>,
  kind: string,
  sink: unknown,
): Instance {
  const named = instances.get(kind)
  if (named === undefined) {
    const kinds = [...instances.keys()]
    throw new OutputError(
      `\`${kind}\`: no sink of this kind is configured; configured are: ${kinds.length > 0 ? kinds.join(', ') : 'none'}`,
    )
  }
  if (sink === undefined) {
    const [only] = named.values()
    if (named.size === 1 && only !== undefined) return only
    throw new OutputError(`\`${kind}\`: there are several sinks of this kind; say which in \`sink\`: ${namesOf(named)}`)
  }
  const found = typeof sink === 'string' ? named.get(sink) : undefined
  if (found === undefined) {
    throw new OutputError(`\`${kind}\`: there is no sink named ${JSON.stringify(sink)}; there are: ${namesOf(named)}`)
  }
  return found
}

function namesOf(named: ReadonlyMap<string, unknown>): string {
  return [...named.keys()].join(', ')
}
