/**
 * The flow alone: messages from memory, results into nothing, so that what remains is the cost of the pipeline, the
 * gate and the hooks. `node --conditions=drakkar-src bench/flow.ts [messages]`
 */
import { createExecutor } from '../src/flow/executor/index.ts'
import { Flow, HoldRegistry } from '../src/flow/pipeline/index.ts'
import { createDelivery, type Sink } from '../src/flow/sinks/index.ts'
import { Hooks, task } from '../src/handler/index.ts'
import { systemClock as clock, systemRandom as random } from '../src/lib/index.ts'
import type { Assignment, Handler, Message, RawMessage } from '../src/model/index.ts'

const MESSAGES = Number(process.argv[2] ?? 300_000)
const PARTITIONS = 8
const BATCH = 250

const nullSink: Sink = {
  kind: 'kafka',
  name: 'null',
  accept: (payload) => payload,
  size: () => 100,
  connect: () => Promise.resolve(),
  deliver: (batch) => Promise.resolve(batch.map(() => ({ ok: true as const }))),
  close: () => Promise.resolve(),
}

const handler: Handler<{ n: number }> = {
  arrange: (messages: readonly Message<{ n: number }>[]) =>
    messages.map((message) => task(message, { precomputed: { stdout: 'ok' } })),
  onTaskComplete: (result) => ({ kafka: [{ key: 'k', data: { n: result.task.messages[0]?.payload.n } }] }),
}

const announce = (): void => undefined
const holds = new HoldRegistry(announce)
const log = () => ({ debug() {}, info() {}, warn() {}, error() {} })
const hooks = new Hooks({ handler, clock, announce, timeoutMs: 60_000, log })
const runner = {
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  run: () => Promise.reject(new Error('unused')),
}
const executor = createExecutor({ runner, slots: 8, holds, announce, clock, random, defaultBinary: null })
const delivery = createDelivery({ sinks: [nullSink], clock, random, announce, holds })
const paused = new Set<Assignment>()
const finished = Promise.withResolvers<void>()
let ended = 0

const flow = new Flow({
  hooks,
  executor,
  delivery,
  deadLetters: {
    connect: () => Promise.resolve(),
    close: () => Promise.resolve(),
    bury: () => Promise.reject(new Error('unused')),
  },
  holds,
  clock,
  random,
  announce,
  options: {
    windowSize: 100,
    maxRetries: 3,
    retryBackoff: { initialMs: 100, maxMs: 1000 },
    onParseError: 'dlq',
    arrangeBackoff: { initialMs: 1000, maxMs: 1000 },
  },
  intake: { highMessages: 4000, lowMessages: 2000, highBytes: 1e9, lowBytes: 1e8 },
  source: { pause: (at) => void paused.add(at), resume: (at) => void paused.delete(at) },
  ended: () => {
    ended += 1
    if (ended === MESSAGES) finished.resolve()
  },
  crashed: (error) => finished.reject(error),
})

await delivery.connect()
const assignments = Array.from(
  { length: PARTITIONS },
  (_, partition): Assignment => ({ topic: 'in', partition, epoch: partition + 1, owner: 1 }),
)
flow.assigned(assignments)
const value = Buffer.from(JSON.stringify({ n: 1, padding: 'x'.repeat(100) }))
let produced = 0

function feed(): void {
  for (const assignment of assignments) {
    if (paused.has(assignment) || produced >= MESSAGES) continue
    const batch: RawMessage[] = []
    for (let index = 0; index < BATCH && produced < MESSAGES; index += 1, produced += 1) {
      batch.push({
        topic: 'in',
        partition: assignment.partition,
        offset: produced,
        key: null,
        value,
        timestamp: 1,
        headers: [],
      })
    }
    flow.messages(assignment, batch)
  }
  if (produced < MESSAGES) setImmediate(feed)
}

const cpu = process.cpuUsage()
const startedAt = performance.now()
feed()
await finished.promise
const ms = performance.now() - startedAt
const used = process.cpuUsage(cpu)
console.log(
  `${MESSAGES} precomputed messages: ${Math.round((MESSAGES / ms) * 1000)}/s, ${((used.user + used.system) / MESSAGES).toFixed(2)} us CPU each, RSS ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
)
