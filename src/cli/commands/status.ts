import { parseArgs } from 'node:util'
import type { CommandIo } from '../command-line.ts'
import { statusText } from './control/show.ts'
import { reachWorker, WORKER_OPTION, WORKER_USAGE } from './control/worker.ts'

const USAGE = `Usage: drakkar status [--worker NAME] [--json]

What a worker on this machine does now: its partitions and why each is where it is, running tasks, sinks, launchers.

${WORKER_USAGE}
      --json         everything as JSON

Exit status: 0 · 2 which worker is meant is not clear · 3 none answers
`

/** What fits on a line where nobody says. */
const COLUMNS = 100

/** `drakkar status`. */
export async function statusCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { worker: WORKER_OPTION, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    io.stdout.write(USAGE)
    return 0
  }
  const { status } = await reachWorker(values.worker, io)
  if (values.json === true) {
    io.stdout.write(`${JSON.stringify(status, null, 2)}\n`)
    return 0
  }
  const { isTTY, columns } = io.stdout as { readonly isTTY?: boolean; readonly columns?: number }
  io.stdout.write(statusText(status, { colour: isTTY === true && !io.env['NO_COLOR'], columns: columns ?? COLUMNS }))
  return 0
}
