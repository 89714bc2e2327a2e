import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { jsonSchema, loadConfig, toYaml, warnings } from '../../config/index.ts'
import { DrakkarError } from '../../model/index.ts'
import type { CommandIo } from '../command-line.ts'

const USAGE = `Usage: drakkar config check [FILE]
       drakkar config show [FILE]
       drakkar config schema

  check   says everything that is wrong, and what is probably not meant; starts and connects nothing
  show    the complete configuration as it would be used, each line with where it comes from; secrets are ***
  schema  JSON Schema of the file, for editors

  FILE, or -c, --config FILE   YAML configuration; default: the variable DRAKKAR_CONFIG, else environment and defaults alone

Exit status: 0 valid · 2 not valid, or wrong usage
`

/** `drakkar config`. Answers the exit status; what is wrong goes to stderr, everything else to stdout. */
export async function configCommand(
  args: readonly string[],
  io: Pick<CommandIo, 'stdout' | 'stderr' | 'env'>,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
  })
  const [verb, file, ...more] = positionals
  if (values.help === true) {
    io.stdout.write(USAGE)
    return 0
  }
  if (more.length > 0 || (file !== undefined && (values.config !== undefined || verb === 'schema'))) {
    throw new DrakkarError('USAGE', `\`config ${verb}\` takes ${verb === 'schema' ? 'no file' : 'one file'}`, {
      advice: USAGE,
    })
  }
  const path = values.config ?? file
  if (verb === 'check') return check(path, io)
  if (verb === 'show') return show(path, io)
  if (verb === 'schema') {
    io.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`)
    return 0
  }
  throw new DrakkarError(
    'USAGE',
    verb === undefined ? 'config: check, show or schema?' : `there is no \`config ${verb}\``,
    {
      advice: USAGE,
    },
  )
}

type Io = Parameters<typeof configCommand>[1]

async function check(path: string | undefined, io: Io): Promise<number> {
  try {
    const { config, notices, file } = await loadConfig({ path, env: io.env })
    for (const warning of warnings(config, availableParallelism())) io.stdout.write(`warning: ${warning}\n`)
    for (const notice of notices) io.stdout.write(`notice: ${notice}\n`)
    io.stdout.write(
      `ok: ${file === undefined ? 'environment and defaults are valid; no file was named' : `${file} is valid`}\n`,
    )
    return 0
  } catch (error) {
    // Its usual advice is to run this very command.
    if (!(error instanceof DrakkarError) || error.code !== 'CONFIG_INVALID') throw error
    io.stderr.write(`${error.message}\n`)
    return error.exitCode
  }
}

async function show(path: string | undefined, io: Io): Promise<number> {
  const loaded = await loadConfig({ path, env: io.env })
  io.stdout.write(toYaml(loaded.config, { origins: loaded }))
  return 0
}
