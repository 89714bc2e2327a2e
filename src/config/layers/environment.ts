import type { JsonSchema } from '../json-schema.ts'
import { nearest } from '../nearest.ts'
import type { Origin } from '../origin.ts'
import type { Problem } from '../problem.ts'
import { HIDDEN, isSecretName } from '../redact.ts'
import { isSection, settingAt } from '../shape.ts'
import { dotted, isTree, merged, type Path, valueAt, withValue } from '../tree.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface EnvironmentLayer {
  readonly tree: unknown
  readonly origins: Map<string, Origin>
  readonly problems: readonly Problem[]
}

const PREFIX = /^(?:DRAKKAR|DK)_/
/** Variables of this project's own tools. */
const TOOLS = /^(CONFIG|LAUNCHER|(SETUP|NIGHTLY|TEST|BENCH|KAFKA|OLD|DEMO|CI)(_[A-Z0-9]+)*)$/
/** What Kubernetes sets in every container where a service is called `drakkar` or `drakkar-…`; `…_PORT` is an address there. */
const SERVICE = /^([A-Z0-9_]+_)?(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//

/** The configuration file that the environment names. */
export function namedFile(env: Environment): { readonly path?: string; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const path = agreed(env, 'CONFIG', problems)?.value
  return path === undefined || path === '' ? { problems } : { path, problems }
}

/**
 * Settings from variables: `DRAKKAR_` or `DK_`, then the path with `__` between its steps. Variables that name no
 * setting are problems, but for those of this project's tools and those that Kubernetes makes for a service.
 */
export function environmentLayer(
  env: Environment,
  settings: JsonSchema,
  known: ReadonlySet<string>,
  file: unknown,
): EnvironmentLayer {
  const problems: Problem[] = []
  const origins = new Map<string, Origin>()
  let tree: unknown = {}
  const names = new Set(
    Object.keys(env)
      .filter((name) => PREFIX.test(name))
      .map((name) => name.replace(PREFIX, ''))
      .filter((name) => name !== 'CONFIG'),
  )
  const byDepth = [...names].sort((left, right) => steps(left).length - steps(right).length || (left < right ? -1 : 1))
  for (const name of byDepth) {
    const found = agreed(env, name, problems)
    if (found === undefined) continue
    const path = pathOf(steps(name), settings, file)
    if (isForeign(name, found.value)) continue
    if (!name.includes('__') && !known.has(String(path[0]))) {
      problems.push(unknownName(found.name, name, settings))
      continue
    }
    tree = withValue(tree, path, merged(valueAt(tree, path), readSection(found.value, settingAt(settings, path))))
    for (let length = 1; length <= path.length; length++) {
      const at = dotted(path.slice(0, length))
      const origin = { text: `environment variable ${found.name}`, variable: found.name }
      if (length === path.length || !origins.has(at)) origins.set(at, origin)
    }
  }
  return { tree, origins, problems }
}

/** Not a setting, and not meant as one. */
const isForeign = (name: string, value: string): boolean =>
  !name.includes('__') &&
  ((TOOLS.test(name) && !value.startsWith('{')) ||
    SERVICE.test(name) ||
    (/(^|_)PORT$/.test(name) && SERVICE_ADDRESS.test(value)))

const steps = (name: string): string[] => name.split('__')

/** The value of a name with either prefix; both set to different values is a problem. */
function agreed(env: Environment, name: string, problems: Problem[]): { name: string; value: string } | undefined {
  const [first, second] = [`DRAKKAR_${name}`, `DK_${name}`].flatMap((full) => {
    const value = env[full]
    return value === undefined ? [] : [{ name: full, value }]
  })
  if (first !== undefined && second !== undefined && first.value !== second.value) {
    const [left, right] = isSecretName(name)
      ? [HIDDEN, HIDDEN]
      : [first.value, second.value].map((value) => JSON.stringify(value))
    problems.push({
      path: [],
      at: 'environment',
      text: `${first.name} (${left}) and ${second.name} (${right}) name the same setting and differ; keep one`,
    })
  }
  return first ?? second
}

/** Steps of a variable's name as steps of the configuration: its names in lower case, the user's own names as they are. */
function pathOf(upper: readonly string[], settings: JsonSchema, file: unknown): Path {
  const path: string[] = []
  for (const step of upper) {
    const section = settingAt(settings, path)
    const parent = path.at(-1)
    if (parent === 'client_config') path.push(step.includes('.') ? step : step.toLowerCase().replaceAll('_', '.'))
    else if (parent === 'env' && section?.properties === undefined) path.push(step)
    else path.push(section?.properties === undefined ? likeInFile(step, valueAt(file, path)) : step.toLowerCase())
  }
  return path
}

/** An instance may have capitals in its name, which a variable cannot say: the file's spelling counts. */
function likeInFile(step: string, instances: unknown): string {
  const lower = step.toLowerCase()
  return isTree(instances) ? (Object.keys(instances).find((name) => name.toLowerCase() === lower) ?? lower) : lower
}

/** A whole section may be given as JSON. */
function readSection(value: string, setting: JsonSchema | undefined): unknown {
  if (setting === undefined || !isSection(setting) || !value.trim().startsWith('{')) return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value
  }
}

function unknownName(variable: string, name: string, settings: JsonSchema): Problem {
  const prefix = variable.slice(0, variable.length - name.length)
  const candidates = Object.keys(settings.properties ?? {})
  const near = nearest(name, candidates) ?? candidates.find((section) => name.toLowerCase().startsWith(`${section}_`))
  const rest = near !== undefined && name.toLowerCase().startsWith(`${near}_`) ? `__${name.slice(near.length + 1)}` : ''
  const hint =
    near === undefined
      ? '; settings are written like DRAKKAR_EXECUTOR__MAX_EXECUTORS'
      : `; did you mean ${prefix}${near.toUpperCase()}${rest}?`
  return { path: [], at: 'environment', text: `${variable} names no setting${hint}` }
}
