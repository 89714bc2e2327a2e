import { parseArgs } from 'node:util'
import { DrakkarApp, loadHandler } from '../../app/index.ts'
import { DrakkarError } from '../../model/index.ts'
import type { CommandIo } from '../command-line.ts'

const USAGE = `Usage: drakkar run HANDLER [-c CONFIG]

  HANDLER            a file whose default export is a handler: .mts, .mjs, or .ts/.js in a folder with "type": "module"
  -c, --config FILE  YAML configuration; default: the variable DRAKKAR_CONFIG, else environment and defaults alone
  --worker-id NAME   name of this worker; default: the variable WORKER_ID, else a random one

Stops at SIGTERM, SIGINT or SIGHUP: takes in nothing more, lets running work finish (executor.drain_on_stop_seconds),
commits, closes. A second signal ends it at once.
`

/** `drakkar run`: one worker, until it is stopped. */
export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      'worker-id': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    io.stdout.write(USAGE)
    return 0
  }
  const [path, ...more] = positionals
  if (path === undefined || more.length > 0) {
    throw new DrakkarError(
      'USAGE',
      path === undefined
        ? 'which handler? No file was given'
        : `one handler at a time, but ${positionals.length} were given`,
      { advice: USAGE },
    )
  }
  const app = new DrakkarApp({
    handler: () => loadHandler(path),
    env: io.env,
    ...(values.config === undefined ? {} : { configPath: values.config }),
    ...(values['worker-id'] === undefined ? {} : { workerId: values['worker-id'] }),
  })
  return app.run()
}
