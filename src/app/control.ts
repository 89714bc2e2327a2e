import type { Config } from '../config/index.ts'
import { systemClock as clock } from '../lib/index.ts'
import { type Control, type RunView, reasonOf, type WorkerView, whyOf } from '../model/index.ts'
import {
  controlFolder,
  createControlServer,
  MAX_RUNS,
  type RunRow,
  type StatusBook,
  type WorkerStatus,
} from '../ops/control/index.ts'
import type { Logger } from '../ops/logs/index.ts'
import { VERSION } from './version.ts'

export interface ControlParts {
  readonly config: Config
  readonly env: Readonly<Record<string, string | undefined>>
  readonly workerId: string
  readonly logger: Logger
  readonly book: StatusBook
  readonly view: () => WorkerView
  readonly runs: () => readonly RunView[]
  readonly control: () => Control | undefined
}

/** The worker's own end of `drakkar status` and its like. Where it cannot listen, the worker works without. */
export interface ControlSocket {
  start(): Promise<void>
  stop(): Promise<void>
}

export function openControl(parts: ControlParts): ControlSocket {
  const { config, env, workerId, logger, control } = parts
  if (!config.control.enabled) return { start: () => Promise.resolve(), stop: () => Promise.resolve() }
  const begun = clock.monotonic()
  const { path } = config.control
  const server = createControlServer({
    control,
    workerId,
    folder: controlFolder(env),
    ...(path === '' ? {} : { path }),
    status: () => statusOf(parts, clock.monotonic() - begun),
  })
  return {
    async start() {
      try {
        logger.info('control_listening', { path: await server.start() })
      } catch (error) {
        logger.warn('control_unavailable', { error: reasonOf(error) })
      }
    },
    stop: () => server.stop(),
  }
}

function statusOf({ config, book, view: look, runs }: ControlParts, uptimeMs: number): WorkerStatus {
  const view = look()
  return {
    version: VERSION,
    pid: process.pid,
    group: config.sources.kafka.consumerGroup,
    uptimeMs,
    view,
    whys: view.partitions.map((at) => whyOf(view, at)),
    runs: runs()
      .toSorted((a, b) => b.forMs - a.forMs)
      .slice(0, MAX_RUNS)
      .map(rowOf),
    launchers: book.launchers(),
    rates: book.rates(),
    counts: book.counts(),
  }
}

/** Never payloads, arguments or variables. */
function rowOf({ task, topic, partition, attempt, slot, pid, forMs }: RunView): RunRow {
  return { taskId: task.id, topic, partition, offset: task.messages[0]?.offset ?? null, attempt, slot, pid, forMs }
}
