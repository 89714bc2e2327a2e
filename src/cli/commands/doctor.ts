import { parseArgs } from 'node:util'
import { loadHandler, VERSION } from '../../app/index.ts'
import { type Config, type LoadedConfig, loadConfig } from '../../config/index.ts'
import { guardUserCode } from '../../handler/index.ts'
import { DrakkarError } from '../../model/index.ts'
import type { CommandIo } from '../command-line.ts'
import { clientFindings, featureFindings } from './doctor/client.ts'
import { type Finding, findings, ok, problem, problemOf, warning } from './doctor/finding.ts'
import { cpuFindings, nodeFindings, openFileFindings } from './doctor/machine.ts'
import { folderFindings, portFindings } from './doctor/places.ts'
import { controlFindings, launcherFindings, programFindings } from './doctor/programs.ts'
import { lineOf, summaryOf } from './doctor/report.ts'
import { settingFindings } from './doctor/settings.ts'
import { customFindings, sinkFindings } from './doctor/sinks.ts'
import { kafkaFindings } from './doctor/topics.ts'

const USAGE = `Usage: drakkar doctor [HANDLER] [-c CONFIG]

Looks at everything that a worker needs, one line each, marked ok, warning or problem, with what to do.
It connects to brokers and sinks as a worker does at its start, joins no group, reads no message and writes nothing.

  HANDLER            a handler file, to see whether it loads; it is imported, none of its hooks is called
  -c, --config FILE  YAML configuration; default: the variable DRAKKAR_CONFIG, else environment and defaults alone

Exit status: 0 where there is no problem (warnings do not count), else 3.
`

const MISSING = 3
const LIMIT_MS = 12_000

/** `drakkar doctor`: what is there, what is missing, and what to do about it. */
export async function doctorCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    io.stdout.write(USAGE)
    return 0
  }
  if (positionals.length > 1) {
    throw new DrakkarError('USAGE', `one handler at a time, but ${positionals.length} were given`, { advice: USAGE })
  }
  const colour = io.stdout.isTTY === true && !io.env['NO_COLOR']
  const all: Finding[] = []
  io.stdout.write(`drakkar ${VERSION} doctor\n\n`)
  // All of them run at once; each is shown as soon as those before it are.
  for (const check of examine(positionals[0], values.config, io)) {
    for (const finding of await check) {
      all.push(finding)
      io.stdout.write(lineOf(finding, colour))
    }
  }
  io.stdout.write(`\n${summaryOf(all)}`)
  return all.some((finding) => finding.mark === 'problem') ? MISSING : 0
}

type Found = Promise<readonly Finding[]>

function examine(handler: string | undefined, path: string | undefined, io: CommandIo): readonly Found[] {
  const check = (subject: string, run: () => readonly Finding[] | Found): Found =>
    findings(subject, LIMIT_MS, async () => run())
  const loaded = loadConfig({ env: io.env, path })
  // Without a configuration there is nothing to compare with: the one problem stands for the rest.
  const withConfig = (subject: string, run: (config: Config) => readonly Finding[] | Found): Found =>
    loaded.then(
      ({ config }) => check(subject, () => run(config)),
      () => [],
    )
  const handlerLoaded =
    handler === undefined ? [] : [check('handler', () => guarded('handler', io, () => handlerFindings(handler)))]
  // One after the other, so that it is known whose code did something.
  const customSinks = Promise.all(handlerLoaded).then(() =>
    withConfig('sinks', (config) => guarded('sinks', io, () => customFindings(config))),
  )
  return [
    check('Node', nodeFindings),
    check('Kafka client', clientFindings),
    check('launcher', () => launcherFindings(io.env)),
    configFindings(loaded, path ?? io.env['DRAKKAR_CONFIG'] ?? io.env['DK_CONFIG']),
    withConfig('Kafka client', featureFindings),
    withConfig('settings', settingFindings),
    withConfig('program', (config) => programFindings(config, io.env)),
    withConfig('limits', (config) => controlFindings(config, io.env)),
    withConfig('CPUs', cpuFindings),
    withConfig('open files', openFileFindings),
    withConfig('folders', folderFindings),
    withConfig('metrics port', portFindings),
    withConfig('sinks', sinkFindings),
    customSinks,
    withConfig('brokers', kafkaFindings),
    ...handlerLoaded,
  ]
}

function configFindings(loaded: Promise<LoadedConfig>, path: string | undefined): Found {
  return loaded.then(
    ({ notices }) => [
      ok('configuration', path === undefined ? 'no file: defaults and environment' : path),
      ...notices.map((notice) => warning('configuration', notice, 'It works without; take it out or correct it.')),
    ],
    (error: unknown) => [
      problemOf('configuration', error),
      problem('configuration', 'what depends on it was not looked at'),
    ],
  )
}

async function handlerFindings(path: string): Found {
  await loadHandler(path)
  return [ok('handler', path)]
}

/** Whatever code of the user does while it is loaded, it must not pass for a healthy answer. */
async function guarded(subject: string, io: CommandIo, run: () => Found): Found {
  const release = guardUserCode((error, exit) => {
    io.stdout.write(lineOf(problemOf(subject, error), false))
    exit(MISSING)
  })
  try {
    return await run()
  } finally {
    release()
  }
}
