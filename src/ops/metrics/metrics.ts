import { Registry } from 'prom-client'
import type { Clock, Timer } from '../../lib/index.ts'
import type { WorkerEvent, WorkerView } from '../../model/index.ts'
import type { Family, Spread, Tally } from './cells.ts'
import { type Counted, createCounted } from './counted.ts'
import { idleOf } from './idle.ts'
import { listenersFor } from './listen.ts'
import { register, sampleValues, spreadValues, tallyValues } from './prom.ts'
import { atStop, type Identity, type LastSaid, type ShownValues, shownValues } from './shown.ts'
import { COUNTED, type MetricRow, PROCESS, SHOWN } from './table.ts'

export interface MetricsOptions extends Identity {
  /** The worker as it is now; asked for at every scrape, and once a second between `start` and `stop`. */
  readonly view: () => WorkerView
  /** Where to register. Default: a registry of its own. */
  readonly registry?: Registry
  readonly clock: Clock
}

/** The worker's metrics: fed by events, read as text. */
export interface Metrics {
  /** The listener for the worker's events. */
  readonly listen: (event: WorkerEvent) => void
  /** One delay of the event loop, seconds: what the watchdog measures. */
  loopLag(seconds: number): void
  /** Everything in the Prometheus text format. Rejects where the view throws. */
  text(): Promise<string>
  readonly contentType: string
  /** Begins to look at the worker once a second, for the counters of idle seconds. */
  start(): void
  /** Ends that; safe to call twice. */
  stop(): void
}

const LOOK_MS = 1000

/** Builds the metrics and registers every row of the table. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = options.registry ?? new Registry()
  const counted = createCounted()
  const last: LastSaid = { circuits: new Map(), stagedBytes: null, stop: null }
  const listeners = new Map(Object.entries(listenersFor(counted)) as [string, (event: WorkerEvent) => void][])
  const loopLag = counted.loopLag.cell()

  registerCounted(registry, counted)
  registerShown(registry, () => shownValues(options.view(), options, last))
  registerProcess(registry)

  return {
    listen(event) {
      listeners.get(event.type)?.(event)
      if (event.type === 'sink_circuit') last.circuits.set(`${event.kind}:${event.sink}`, event)
      else if (event.type === 'transaction_ended') last.stagedBytes = event.stagedBytes
      else if (event.type === 'lifecycle' && event.phase === 'stopping') last.stop ??= atStop(options.view())
    },
    loopLag: (seconds) => loopLag.observe(seconds),
    text: () => registry.metrics(),
    contentType: registry.contentType,
    ...createLooking(options, counted),
  }
}

function createLooking(options: MetricsOptions, counted: Counted): Pick<Metrics, 'start' | 'stop'> {
  const { clock, view } = options
  let timer: Timer | null = null
  let before = 0
  const look = (): void => {
    const now = clock.monotonic()
    const idle = idleOf(view(), (now - before) / 1000)
    counted.idleSlots.cell().value += idle.slotSeconds
    counted.consumerIdle.cell().value += idle.consumerSeconds
    before = now
    timer = clock.timer(LOOK_MS, look)
  }
  return {
    start() {
      if (timer !== null) return
      before = clock.monotonic()
      timer = clock.timer(LOOK_MS, look)
    },
    stop() {
      timer?.cancel()
      timer = null
    },
  }
}

function registerCounted(registry: Registry, counted: Counted): void {
  for (const [name, row] of Object.entries(COUNTED) as [keyof Counted, MetricRow][]) {
    register(registry, row, () =>
      row.type === 'counter'
        ? tallyValues(counted[name] as Family<Tally>)
        : spreadValues(row.name, counted[name] as Family<Spread>),
    )
  }
}

/** One look at the worker serves all gauges of a scrape: prom-client asks them one after the other, in one turn. */
function registerShown(registry: Registry, look: () => ShownValues): void {
  let current: ShownValues | null = null
  const values = (): ShownValues => {
    if (current === null) {
      current = look()
      queueMicrotask(() => {
        current = null
      })
    }
    return current
  }
  for (const [name, row] of Object.entries(SHOWN) as [keyof ShownValues, MetricRow][]) {
    register(registry, row, () => sampleValues(values()[name]))
  }
}

function registerProcess(registry: Registry): void {
  const one = (row: MetricRow, value: () => number): void =>
    register(registry, row, () => [{ labels: {}, value: value() }])
  const started = (performance.timeOrigin || Date.now()) / 1000
  one(PROCESS.cpu, () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  one(PROCESS.rss, () => process.memoryUsage.rss())
  one(PROCESS.start, () => started)
  one(PROCESS.heap, () => process.memoryUsage().heapUsed)
  one(PROCESS.external, () => process.memoryUsage().external)
}
