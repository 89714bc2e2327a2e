import { customChecks, type SinkCheck, sinkChecks } from '../../../app/index.ts'
import type { Config } from '../../../config/index.ts'
import { redactSecrets } from '../../../lib/index.ts'
import { type Finding, findings, ok, problem, problemOf, warning } from './finding.ts'

/** For one sink, from connecting to closing. */
const LIMIT_MS = 10_000
const SUBJECT = 'sinks'

/** Every sink by name, and each that has a server: whether a worker could start with it. */
export async function sinkFindings(config: Config): Promise<readonly Finding[]> {
  return [namesFinding(config), ...(await checked(sinkChecks(config)))]
}

/** Sinks of modules of the user's own: their code is loaded and connects. */
export async function customFindings(config: Config): Promise<readonly Finding[]> {
  return checked(await customChecks(config))
}

function namesFinding({ sinks }: Config): Finding {
  const { kafka, filesystem: files, http, mongo, postgres, redis, custom } = sinks
  const kinds = {
    kafka,
    files,
    http,
    mongo,
    postgres,
    redis,
    custom: Object.assign({}, ...Object.values(custom)) as object,
  }
  const names = Object.entries(kinds).flatMap(([kind, named]) => Object.keys(named).map((name) => `${kind}:${name}`))
  if (names.length > 0) return ok(SUBJECT, names.join(', '))
  return problem(SUBJECT, 'none is configured, so results would go nowhere', 'Add one under `sinks:`.')
}

async function checked(checks: readonly SinkCheck[]): Promise<readonly Finding[]> {
  const found = checks.map((check) => findings(SUBJECT, LIMIT_MS, () => findingsOf(check), check.path))
  return (await Promise.all(found)).flat()
}

async function findingsOf(check: SinkCheck): Promise<readonly Finding[]> {
  const { path } = check
  try {
    const { says, warnings = [] } = await check.run()
    return [
      ...(says === null ? [] : [ok(SUBJECT, named(path, says))]),
      ...warnings.map((found) => warning(SUBJECT, named(path, found.says), found.advice)),
    ]
  } catch (error) {
    const { says, advice } = problemOf(SUBJECT, error)
    return [problem(SUBJECT, named(path, says), advice === undefined ? undefined : redactSecrets(advice))]
  }
}

/** Errors of sinks mostly name their place themselves, some of them a setting below it. */
function named(path: string, says: string): string {
  const shown = redactSecrets(says)
  return shown.startsWith(path) ? shown : `${path}: ${shown}`
}
