import { userInfo } from 'node:os'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import {
  ask,
  type ControlAnswer,
  type ControlRequest,
  controlFolder,
  findSockets,
  type WorkerStatus,
} from '../../../ops/control/index.ts'
import type { CommandIo } from '../../command-line.ts'

const TIMEOUT_MS = 5_000

/** The option that every command of this kind has. */
export const WORKER_OPTION = { type: 'string', short: 'w' } as const

export const WORKER_USAGE = `  -w, --worker NAME  the worker, by its id or the path of its socket (control.path); needed only where there are several`

/** A worker that can be asked. */
export interface Reached {
  readonly path: string
  readonly status: WorkerStatus
}

/** The one worker that is meant: the named one, or the only one on this machine. Throws a usage error that lists them. */
export async function reachWorker(named: string | undefined, io: Pick<CommandIo, 'env'>): Promise<Reached> {
  if (named?.includes('/')) return { path: named, status: await statusAt(named) }
  const all = await reachAll(io)
  const fitting = named === undefined ? all : all.filter(({ status }) => status.view.workerId === named)
  const [one, ...more] = fitting
  if (one !== undefined && more.length === 0) return one
  const list = all.map(({ path, status }) => `  ${status.view.workerId}  (pid ${status.pid}, ${path})`).join('\n')
  if (all.length === 0) {
    throw new DrakkarError('WORKER_UNREACHABLE', `no worker of this user answers in ${controlFolder(io.env)}`, {
      advice:
        'Is one running, as this user and with control.enabled? With control.path set, give that path to --worker.',
    })
  }
  throw new DrakkarError(
    'USAGE',
    one === undefined ? `there is no worker ${named}` : `there are ${fitting.length} workers: which one?`,
    { advice: `Give one of them to --worker:\n${list}` },
  )
}

async function reachAll(io: Pick<CommandIo, 'env'>): Promise<readonly Reached[]> {
  const live = (await findSockets(controlFolder(io.env))).filter(({ state }) => state === 'live')
  const reached = await Promise.allSettled(live.map(async ({ path }) => ({ path, status: await statusAt(path) })))
  return reached.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
}

export async function statusAt(path: string): Promise<WorkerStatus> {
  const answer = await asked(path, { verb: 'status' })
  if ('status' in answer) return answer.status
  throw unreachable(path, 'why' in answer ? answer.why : 'it answered something else')
}

/** Asks, and prints what was said. Answers the exit status. */
export async function askAndTell(
  worker: string | undefined,
  request: (by: string) => ControlRequest,
  io: CommandIo,
): Promise<number> {
  const { path } = await reachWorker(worker, io)
  const answer = await asked(path, request(`${userName()} (drakkar command line)`))
  if (!answer.ok) {
    io.stderr.write(`drakkar: ${answer.why}\n`)
    return 1
  }
  io.stdout.write(`${'said' in answer ? answer.said : ''}\n`)
  return 0
}

/** In containers a user often has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? ''}`
  }
}

async function asked(path: string, request: ControlRequest): Promise<ControlAnswer> {
  try {
    return await ask(path, request, TIMEOUT_MS)
  } catch (error) {
    throw unreachable(path, reasonOf(error))
  }
}

function unreachable(path: string, why: string): DrakkarError {
  return new DrakkarError('WORKER_UNREACHABLE', `the worker at ${path} does not answer: ${why}`, {
    advice: 'Is it running, and is the socket its own? A worker whose event loop is blocked cannot answer either.',
  })
}
