import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { DrakkarError, reasonOf } from '../model/index.ts'
import { snakeKeys } from './camel-case.ts'
import { coerced } from './coerce.ts'
import { completed } from './complete.ts'
import type { Config } from './config.ts'
import { type JsonSchema, settings } from './json-schema.ts'
import { environmentLayer, namedFile } from './layers/environment.ts'
import { fileLayer } from './layers/file.ts'
import { fillIn } from './layers/fill-in.ts'
import { bringUpToDate, type Draft } from './layers/older.ts'
import { takeOutUnbuilt, UNBUILT_ROOTS } from './layers/unbuilt.ts'
import { ignoredConnections } from './notices.ts'
import { type Layer, type Origin, originIn } from './origin.ts'
import { invalid, type Problem } from './problem.ts'
import { dotted, merged, type Path, parsedPath } from './tree.ts'

type Partially<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Partially<T[K]> }
    : T

/** Settings from code: any part of the configuration, in camelCase. They go over file and environment. */
export type ConfigOverrides = Partially<Config>

export interface LoadOptions {
  /** The YAML file. Default: what `DRAKKAR_CONFIG` or `DK_CONFIG` names; without either there is no file. */
  readonly path?: string | undefined
  /** The environment that settings and `${…}` come from, usually `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly overrides?: ConfigOverrides | undefined
}

export interface LoadedConfig {
  readonly config: Config
  /** Things that someone should know and that stop nothing, one line each. */
  readonly notices: readonly string[]
  /** Where a setting comes from, by its dotted path in the names of the file: `drakkar.yaml:4:3`, a variable, `code`, `default`. */
  readonly origin: (path: string) => string
  /** Whether a setting came out of a file that `${file:…}` names; such values are not for printing. */
  readonly isSecret: (path: string) => boolean
  /** The file that was read. */
  readonly file: string | undefined
}

/**
 * Reads, checks and completes the configuration: defaults < file < environment < code. Rejects with `CONFIG_NOT_FOUND`
 * where the file cannot be read, and with `CONFIG_INVALID` and every problem at once where it is not valid.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const named = options.path === undefined ? namedFile(options.env) : { path: options.path, problems: [] }
  const problems: Problem[] = [...named.problems]
  const notices: string[] = []
  const take = ({ draft, whole }: Read): Layer => {
    problems.push(...draft.problems)
    notices.push(...draft.notices)
    return asLayer(draft, whole)
  }
  const file = take(named.path === undefined ? nothing() : readFile(named.path, options.env))
  const syntax = problems.some(({ path, at }) => path.length === 0 && at !== 'environment')
  const env = take(readEnvironment(options.env, file.tree))
  const code = take(readOverrides(options.overrides ?? {}))
  const layers = [file, env, code]
  if (syntax) throw invalid(problems, layers, named.path)
  const tree = layers.reduce<unknown>((under, layer) => merged(under, layer.tree), {})
  const { config, problems: found } = completed(tree, settings, layers)
  const told = new Set(problems.map(({ path }) => dotted(path)))
  problems.push(...found.filter(({ path }) => !told.has(dotted(path))))
  if (config === undefined || problems.length > 0) throw invalid(problems, layers, named.path)
  const origin = (path: string): Origin | undefined => originIn(layers, parsedPath(path))
  const cluster = fromVariable(config, options.env)
  return {
    config: cluster === undefined ? config : { ...config, clusterName: cluster },
    notices: [...notices, ...ignoredConnections(config)],
    origin: (path) =>
      path === 'cluster_name' && cluster !== undefined
        ? `environment variable ${config.clusterNameEnv}`
        : (origin(path)?.text ?? 'default'),
    isSecret: (path) => origin(path)?.secret === true,
    file: named.path,
  }
}

interface Read {
  readonly draft: Draft
  readonly whole: (path: Path) => boolean
}

const drafted = (tree: unknown, origins: Map<string, Origin>, problems: readonly Problem[]): Draft => ({
  tree,
  origins,
  problems: [...problems],
  notices: [],
})

const nothing = (): Read => ({ draft: drafted({}, new Map(), []), whole: () => false })

function readFile(path: string, env: LoadOptions['env']): Read {
  const { tree, origins, problems } = fileLayer(textOf(path), shortest(path))
  const draft = drafted(tree, origins, problems)
  modernize(draft, settings)
  const read = (name: string): string => readFileSync(resolve(dirname(path), name), 'utf8')
  const whole = fillIn(draft, { env, read })
  return { draft, whole: (at) => whole.has(dotted(at)) }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new DrakkarError('CONFIG_NOT_FOUND', `The configuration file ${path} cannot be read: ${reasonOf(error)}`, {
      cause: error,
      advice: 'Name it with -c or in the variable DRAKKAR_CONFIG.',
    })
  }
}

/** The name that reads best in a message: relative where the file is below the working directory. */
function shortest(path: string): string {
  const below = relative('', resolve(path))
  return below === '' || below.startsWith('..') ? path : below
}

function readEnvironment(env: LoadOptions['env'], file: unknown): Read {
  const known = new Set([...Object.keys(settings.properties ?? {}), ...UNBUILT_ROOTS])
  const { tree, origins, problems } = environmentLayer(env, settings, known, file)
  const draft = drafted(tree, origins, problems)
  modernize(draft, settings)
  return { draft, whole: () => true }
}

function readOverrides(overrides: ConfigOverrides): Read {
  const draft = drafted(snakeKeys(overrides), new Map(), [])
  if (typeof draft.tree === 'object' && draft.tree !== null) {
    for (const name of Object.keys(draft.tree)) draft.origins.set(name, { text: 'code' })
  }
  modernize(draft, settings)
  return { draft, whole: () => false }
}

function modernize(draft: Draft, known: JsonSchema): void {
  bringUpToDate(draft, known)
  takeOutUnbuilt(draft)
}

function asLayer(draft: Draft, isText: (path: Path) => boolean): Layer {
  const layer = { tree: draft.tree, origins: draft.origins, isText }
  return { ...layer, tree: coerced(layer, settings) }
}

function fromVariable({ clusterNameEnv }: Config, env: LoadOptions['env']): string | undefined {
  const value = clusterNameEnv === '' ? undefined : env[clusterNameEnv]
  return value === '' ? undefined : value
}
