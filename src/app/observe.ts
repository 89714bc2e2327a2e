import type { Config } from '../config/index.ts'
import type { Place } from '../handler/index.ts'
import { startWatchdog } from '../handler/index.ts'
import { type Announcer, systemClock as clock } from '../lib/index.ts'
import { type Control, type RunView, reasonOf, type WorkerEvent, type WorkerView } from '../model/index.ts'
import type { StatusBook } from '../ops/control/index.ts'
import { createOpsServer } from '../ops/health/index.ts'
import { createLogger, createLogListener, type Logger, parseLevel } from '../ops/logs/index.ts'
import { createMetrics } from '../ops/metrics/index.ts'
import { createWatch } from '../ops/watch/index.ts'
import { openControl } from './control.ts'
import { VERSION } from './version.ts'

/** What looks at the worker: log, metrics, health, and the watchdog of the event loop. */
export interface Observers {
  /** Told when synchronous user code begins and ends. */
  readonly watch: { enter(place: Place): void; leave(): void }
  /** Where metrics and health listen, once started. */
  readonly address: { readonly host: string; readonly port: number } | undefined
  start(): Promise<void>
  stop(): Promise<void>
}

export function openLog(config: Config, workerId: string): Logger {
  const { level, format, output } = config.logging
  return createLogger({
    level: parseLevel(level) ?? 'info',
    format,
    output,
    serviceVersion: VERSION,
    workerId,
    clusterName: config.clusterName,
    group: config.sources.kafka.consumerGroup,
  })
}

/** Connects the observers to the worker's events. `view` answers undefined until the worker is built. */
export function observe(parts: {
  readonly config: Config
  readonly workerId: string
  readonly logger: Logger
  readonly announcer: Announcer<WorkerEvent>
  /** Listens since before the first launcher was started. */
  readonly book: StatusBook
  readonly env: Readonly<Record<string, string | undefined>>
  readonly view: () => WorkerView | undefined
  /** The worker; undefined until it is built. */
  readonly worker: () => { runs(): readonly RunView[]; readonly control: Control } | undefined
}): Observers {
  const { config, workerId, logger, announcer } = parts
  const view = (): WorkerView => parts.view() ?? nothingYet(workerId)
  const lines = createLogListener(logger, clock)
  announcer.subscribe(lines.listen)
  const metrics = createMetrics({ view, clock, version: VERSION, workerId, group: config.sources.kafka.consumerGroup })
  announcer.subscribe(metrics.listen)
  const { enabled, host, port } = config.metrics
  const server = enabled ? createOpsServer({ host, port, metrics, view }) : undefined
  const runs = (): readonly RunView[] => parts.worker()?.runs() ?? []
  const control = openControl({ ...parts, view, runs, control: () => parts.worker()?.control })
  const watch = createWatch({
    view,
    runs,
    announce: announcer.announce,
    clock,
    standstillMs: config.standstillSeconds * 1000,
    slowMs: config.executor.slowTaskSeconds * 1000,
  })
  const watchdog = startWatchdog({
    stallSeconds: config.hookStallSeconds,
    onBlocked: ({ hook, seconds }) => announcer.announce({ type: 'hook_blocked', hook, seconds }),
    onLag: (seconds) => metrics.loopLag(seconds),
    onError: (error) => logger.error('watchdog_failed', { error: reasonOf(error) }),
  })
  return {
    watch: watchdog,
    get address() {
      return server?.address() ?? undefined
    },
    async start() {
      await server?.start()
      metrics.start()
      watch.start()
      await control.start()
    },
    async stop() {
      await watchdog.stop()
      metrics.stop()
      watch.stop()
      await control.stop()
      await server?.stop()
      lines.close()
    },
  }
}

function nothingYet(workerId: string): WorkerView {
  return {
    phase: 'starting',
    workerId,
    notReady: [],
    partitions: [],
    executor: { slots: 0, running: 0, waiting: 0, kept: [] },
    sinks: [],
    brokersAwayMs: null,
  }
}
