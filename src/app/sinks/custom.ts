import type { Config } from '../../config/index.ts'
import { type BatchOptions, createCustomSink, lacksOfSink, type Sink, type SinkKind } from '../../flow/sinks/index.ts'
import { redactSecrets } from '../../lib/index.ts'
import { reasonOf } from '../../model/index.ts'
import type { BuiltSink } from './built.ts'
import { closing, type SinkCheck } from './check.ts'
import { invalid, loadSinkKind } from './load-module.ts'

/** Settings of an instance that are the worker's, by the name of the batch limit; the others go to the sink. */
const LIMITS: Readonly<Record<string, keyof BatchOptions>> = {
  linger_ms: 'lingerMs',
  max_batch_records: 'maxRecords',
  max_batch_bytes: 'maxBytes',
}

/**
 * Loads the modules of `sinks.custom` and makes their instances. Throws SINK_INVALID where a module is missing or no
 * sink, where two modules stand for one kind, or two instances have one name.
 */
export async function loadCustomSinks({ sinks }: Pick<Config, 'sinks'>): Promise<readonly BuiltSink[]> {
  const built: BuiltSink[] = []
  const places = new Map<string, string>()
  for (const [kind, instances] of Object.entries(sinks.custom)) {
    const loaded = new Map<string, SinkKind>()
    for (const [name, settings] of Object.entries(instances)) {
      const path = `sinks.custom.${kind}.${name}`
      const other = places.get(name)
      if (other !== undefined)
        throw invalid(path, `${other} has the same name`, 'Outputs name a sink by its name alone: rename one of them.')
      places.set(name, path)
      const module = typeof settings['module'] === 'string' ? settings['module'] : `drakkar-sink-${kind}`
      const sinkKind = loaded.get(module) ?? (await loadSinkKind(module, kind, path))
      loaded.set(module, sinkKind)
      if (loaded.size > 1)
        throw invalid(
          path,
          `${[...loaded.keys()].join(' and ')} both stand for the kind ${kind}`,
          'One kind is one module: give one of them another kind.',
        )
      built.push({ sink: await instanceOf(sinkKind, name, path, settings), batch: limitsOf(settings) })
    }
  }
  return built
}

/** What `drakkar doctor` looks at: `connect()` as at a worker's start. Rejects as `loadCustomSinks`. */
export async function customChecks(config: Pick<Config, 'sinks'>): Promise<SinkCheck[]> {
  const built = await loadCustomSinks(config)
  const paths = Object.entries(config.sinks.custom).flatMap(([kind, instances]) =>
    Object.keys(instances).map((name) => `sinks.custom.${kind}.${name}`),
  )
  return built.map(({ sink }, index) => ({
    path: paths[index] as string,
    run: () =>
      closing(sink, async () => {
        await sink.connect()
        return { says: 'connect() has worked' }
      }),
  }))
}

async function instanceOf(
  kind: SinkKind,
  name: string,
  path: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<Sink> {
  const options = await checked(kind, path, optionsOf(settings))
  let made: Sink
  try {
    made = await kind.create(name, options)
  } catch (error) {
    throw invalid(
      path,
      `it cannot be made: ${redactSecrets(reasonOf(error))}`,
      'The error comes from the create() of this sink’s own module.',
      error,
    )
  }
  const lack = lacksOfSink(made)
  if (lack !== null) throw invalid(path, lack, 'See the guide on sinks of your own for what a sink must have.')
  return createCustomSink(name, path, made)
}

async function checked(kind: SinkKind, path: string, options: unknown): Promise<unknown> {
  if (kind.config === undefined) return options
  const answer = await kind.config['~standard'].validate(options)
  if (answer.issues === undefined) return answer.value
  const problems = answer.issues.map(({ message, path: steps = [] }) => {
    const at = steps.map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
    return at === '' ? message : `${at}: ${message}`
  })
  throw invalid(path, problems.join('; '), `The sink ${kind.kind} does not take these options.`)
}

function optionsOf(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => name !== 'module' && !(name in LIMITS)))
}

function limitsOf(settings: Readonly<Record<string, unknown>>): Partial<BatchOptions> {
  return Object.fromEntries(
    Object.entries(LIMITS).flatMap(([name, limit]) => {
      const value = settings[name]
      return typeof value === 'number' ? [[limit, value]] : []
    }),
  )
}
