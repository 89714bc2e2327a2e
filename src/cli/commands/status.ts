import { parseArgs } from 'node:util'
import { DrakkarError } from '../../model/index.ts'
import type { CommandIo } from '../command-line.ts'
import { statusText } from './control/show.ts'
import { watch } from './control/watch.ts'
import { reachWorker, WORKER_OPTION, WORKER_USAGE } from './control/worker.ts'

const EVERY_SECONDS = 2

const USAGE = `Usage: drakkar status [--worker NAME] [--json] [--watch [--every SECONDS]]

What a worker on this machine does now: its partitions and why each is where it is, running tasks, sinks, launchers.

${WORKER_USAGE}
      --json         everything as JSON; with --watch one line for each look
      --watch        look again and again, until Ctrl-C or the worker's end; rates are since the look before.
                     A terminal is drawn over; anywhere else each look is appended
      --every SECONDS  between two looks (with --watch, which it implies); default ${EVERY_SECONDS}

Exit status: 0 · 2 which worker is meant is not clear · 3 none answers
`

/** What fits on a line where nobody says. */
const COLUMNS = 100

/** `drakkar status`. */
export async function statusCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      worker: WORKER_OPTION,
      json: { type: 'boolean' },
      watch: { type: 'boolean' },
      every: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    io.stdout.write(USAGE)
    return 0
  }
  const everyMs = millisecondsOf(values.every)
  const reached = await reachWorker(values.worker, io)
  if (values.watch === true || values.every !== undefined)
    return watch(reached, { everyMs, json: values.json === true }, io)
  const { status } = reached
  if (values.json === true) {
    io.stdout.write(`${JSON.stringify(status, null, 2)}\n`)
    return 0
  }
  const { isTTY, columns } = io.stdout as { readonly isTTY?: boolean; readonly columns?: number }
  io.stdout.write(statusText(status, { colour: isTTY === true && !io.env['NO_COLOR'], columns: columns ?? COLUMNS }))
  return 0
}

/** From a tenth of a second to an hour. Throws a usage error for anything else. */
function millisecondsOf(every: string | undefined): number {
  const seconds = every === undefined ? EVERY_SECONDS : Number(every)
  if (seconds >= 0.1 && seconds <= 3600) return seconds * 1000
  throw new DrakkarError('USAGE', `--every ${every}: seconds are meant, from 0.1 to 3600`, { advice: USAGE })
}
