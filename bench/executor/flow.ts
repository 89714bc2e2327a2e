/**
 * One lane of the whole flow, in a process of its own: messages from memory, results into nothing, everything that observes
 * a worker listening (log at INFO, metrics). `flow.ts <known|exec|pool-json|pool-frames> <slots> <messages> <messages a task>
 * <program>` prints its figures as JSON.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { z } from 'zod'
import { createExecutor, type Runner } from '../../src/flow/executor/index.ts'
import { Flow, HoldRegistry } from '../../src/flow/pipeline/index.ts'
import { createDelivery, type Sink } from '../../src/flow/sinks/index.ts'
import { Hooks, task } from '../../src/handler/index.ts'
import { systemClock as clock, createAnnouncer, systemRandom as random } from '../../src/lib/index.ts'
import type { Assignment, Handler, Message, RawMessage, WorkerEvent, WorkerView } from '../../src/model/index.ts'
import { createLogger, createLogListener } from '../../src/ops/logs/index.ts'
import { createMetrics } from '../../src/ops/metrics/index.ts'
import { mainThreadCpu, memory, processCpu } from '../kit/proc.ts'
import type { Figures } from './launching.ts'
import { type FlowKind, flowRunner } from './runners.ts'

const [kind, slotText, messageText, perTaskText, program] = process.argv.slice(2) as [
  FlowKind,
  string,
  string,
  string,
  string,
]
const [SLOTS, MESSAGES, PER_TASK] = [Number(slotText), Number(messageText), Number(perTaskText)]
const PARTITIONS = 8
const BATCH = 250

const input = z.object({ n: z.number(), name: z.string(), padding: z.string() })
type Input = z.infer<typeof input>

const handler: Handler<Input> = {
  input,
  arrange: (messages: readonly Message<Input>[]) => {
    if (kind === 'known') return messages.map((message) => task(message, { precomputed: { stdout: 'ok' } }))
    if (PER_TASK === 1) return messages.map((message) => task(message, optionsOf(message)))
    const groups = []
    for (let at = 0; at < messages.length; at += PER_TASK) {
      const group = messages.slice(at, at + PER_TASK)
      groups.push(task(group, optionsOf(group[0] as Message<Input>)))
    }
    return groups
  },
  onTaskComplete: (result) => ({ kafka: [{ key: 'k', data: { n: result.task.messages[0]?.payload.n } }] }),
}

function optionsOf(message: Message<Input>): { stdin?: string } {
  return kind === 'exec' ? {} : { stdin: `${message.payload.n}` }
}

const nullSink: Sink = {
  kind: 'kafka',
  name: 'null',
  accept: (payload) => payload,
  size: () => 100,
  connect: () => Promise.resolve(),
  deliver: (batch) => Promise.resolve(batch.map(() => ({ ok: true as const }))),
  close: () => Promise.resolve(),
}

const announcer = createAnnouncer<WorkerEvent>((error) => {
  throw error
})
const announce = (event: WorkerEvent): void => announcer.announce(event)
const launcherPids: number[] = []
announcer.subscribe((event) => {
  if (event.type === 'launcher_started') launcherPids.push(event.pid)
})
const logger = createLogger({
  level: 'info',
  format: 'json',
  output: '/dev/null',
  serviceVersion: '0',
  workerId: 'bench',
  clusterName: '',
  group: 'bench',
})
announcer.subscribe(createLogListener(logger, clock).listen)
const view = (): WorkerView => ({
  phase: 'ready',
  workerId: 'bench',
  notReady: [],
  partitions: [],
  executor: { slots: SLOTS, running: 0, waiting: 0, kept: [] },
  sinks: [],
  brokersAwayMs: null,
})
announcer.subscribe(createMetrics({ view, clock, version: '0', workerId: 'bench', group: 'bench' }).listen)

const runner: Runner = await flowRunner(kind, program, SLOTS, announce)
const holds = new HoldRegistry(announce)
const log = () => ({ debug() {}, info() {}, warn() {}, error() {} })
const hooks = new Hooks({ handler, clock, announce, timeoutMs: 60_000, log })
const executor = createExecutor({ runner, slots: SLOTS, holds, announce, clock, random, defaultBinary: program })
const delivery = createDelivery({ sinks: [nullSink], clock, random, announce, holds, later: setImmediate })
const paused = new Set<Assignment>()
let finished = Promise.withResolvers<void>()
let [ended, wanted, produced] = [0, 0, 0]
let feeding = false

const flow = new Flow({
  hooks,
  executor,
  delivery,
  deadLetters: {
    connect: () => Promise.resolve(),
    close: () => Promise.resolve(),
    bury: (letter) => Promise.reject(new Error(`a message died: ${JSON.stringify(letter).slice(0, 300)}`)),
  },
  holds,
  clock,
  random,
  announce,
  options: {
    windowSize: Math.max(100, PER_TASK),
    maxRetries: 0,
    retryBackoff: { initialMs: 100, maxMs: 1000 },
    onParseError: 'dlq',
    arrangeBackoff: { initialMs: 1000, maxMs: 1000 },
  },
  intake: { highMessages: Math.max(4000, 64 * PER_TASK), lowMessages: 2000, highBytes: 1e9, lowBytes: 1e8 },
  source: {
    pause: (at) => void paused.add(at),
    resume: (at) => {
      paused.delete(at)
      feedSoon()
    },
  },
  ended: () => {
    ended += 1
    if (ended === wanted) finished.resolve()
  },
  crashed: (error) => finished.reject(error),
})

await executor.start()
await delivery.connect()
const assignments = Array.from(
  { length: PARTITIONS },
  (_, partition): Assignment => ({ topic: 'in', partition, epoch: partition + 1, owner: 1 }),
)
flow.assigned(assignments)
const value = Buffer.from(JSON.stringify({ n: 1, name: 'bench', padding: 'x'.repeat(100) }))

/** Hands on until the flow has enough; going on is the flow's resume: a loop that spins would be measured with it. */
function feed(): void {
  feeding = false
  let open = false
  for (const assignment of assignments) {
    if (paused.has(assignment) || produced >= wanted) continue
    const batch: RawMessage[] = []
    for (let index = 0; index < BATCH && produced < wanted; index += 1, produced += 1) {
      const { topic, partition } = assignment
      batch.push({ topic, partition, offset: produced, key: null, value, timestamp: 1, headers: [] })
    }
    flow.messages(assignment, batch)
    open ||= !paused.has(assignment)
  }
  if (open && produced < wanted) feedSoon()
}

function feedSoon(): void {
  if (feeding) return
  feeding = true
  setImmediate(feed)
}

/** Lets so many more messages through. */
async function through(messages: number): Promise<void> {
  finished = Promise.withResolvers<void>()
  wanted += messages
  feed()
  await finished.promise
}

await through(Math.min(20_000, Math.ceil(MESSAGES / 10)))
const launcherCpu = (): number => launcherPids.reduce((sum, pid) => sum + (processCpu(pid)?.own ?? 0), 0)
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const [main, launchers, begun] = [mainThreadCpu(process.pid), launcherCpu(), performance.now()]
await through(MESSAGES)
const seconds = (performance.now() - begun) / 1000
const figures: Figures = {
  rate: MESSAGES / seconds,
  mainUs: ((mainThreadCpu(process.pid) - main) / MESSAGES) * 1e6,
  launcherUs: ((launcherCpu() - launchers) / MESSAGES) * 1e6,
  loopP99Ms: delay.percentile(99) / 1e6,
  rssMb: memory(process.pid, 'VmHWM') / 1e6,
}
await executor.stop()
process.stdout.write(`${JSON.stringify(figures)}\n`)
process.exit(0)
