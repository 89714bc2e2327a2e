import type { DeadLetter, DeadLetters } from '../../src/flow/ends/index.ts'
import type { Executor, Run, SubmitOptions } from '../../src/flow/executor/index.ts'
import { Flow, HoldRegistry, type PipelineOptions } from '../../src/flow/pipeline/index.ts'
import type { Delivery, Refusal, RoutedRecord } from '../../src/flow/sinks/index.ts'
import { Hooks } from '../../src/handler/index.ts'
import { seededRandom } from '../../src/lib/index.ts'
import type {
  Assignment,
  End,
  Handler,
  Outcome,
  RawMessage,
  Task,
  Verdict,
  WorkerEvent,
} from '../../src/model/index.ts'
import { virtualClock } from '../../src/testing/virtual-clock.ts'

/** A record as a source would deliver it. */
export function record(offset: number, value: unknown = { n: offset }, more: Partial<RawMessage> = {}): RawMessage {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  return { topic: 'jobs', partition: 0, offset, key: null, value: bytes, timestamp: 1, headers: [], ...more }
}

export function outcome(verdict: Verdict, stdout = '', more: Partial<Outcome> = {}): Outcome {
  return {
    verdict,
    exitCode: verdict === 'ok' ? 0 : verdict === 'exit' ? 1 : null,
    signal: null,
    stdout: Buffer.from(stdout),
    stderr: Buffer.alloc(0),
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: 1,
    wallMs: 1,
    ...more,
  }
}

/** One task at the scripted pool: the test ends it, or its program answers by itself. */
export interface ScriptedRun {
  readonly task: Task
  readonly options: SubmitOptions
  start(): void
  end(outcome: Outcome): void
  readonly cancelled: boolean
}

/** A pool of which the test is the scheduler; with `program` every task starts and ends at once. */
export class ScriptedExecutor implements Executor {
  readonly runs: ScriptedRun[] = []
  readonly slots = 4
  readonly running = 0
  readonly waiting = 0
  readonly #program: ((task: Task, attempt: number) => Outcome) | undefined

  constructor(program?: (task: Task, attempt: number) => Outcome) {
    this.#program = program
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  setSlots(): void {}

  kept(): [] {
    return []
  }

  active(): [] {
    return []
  }

  /** As the executor does it: a run answers `cancelled`, whether it had started or not. */
  cancelTask(id: string): boolean {
    const run = this.runs.findLast((each) => each.task.id === id)
    run?.end(outcome('cancelled'))
    return run !== undefined
  }

  submit(task: Task, options: SubmitOptions): Run {
    let state: Run['state'] = 'waiting'
    let cancelled = false
    const { promise, resolve } = Promise.withResolvers<Outcome | null>()
    const end = (answer: Outcome | null): void => {
      state = 'ended'
      resolve(answer)
    }
    this.runs.push({
      task,
      options,
      start: () => {
        state = 'running'
      },
      end,
      get cancelled() {
        return cancelled
      },
    })
    if (this.#program !== undefined) {
      state = 'running'
      end(this.#program(task, options.attempt))
    }
    return {
      get state() {
        return state
      },
      outcome: promise,
      withdraw: () => {
        if (state !== 'waiting') return false
        end(null)
        return true
      },
      cancel: () => {
        cancelled = true
        if (state !== 'ended') end(state === 'waiting' ? null : outcome('cancelled'))
      },
    }
  }

  /** The last run submitted of a task. */
  of(id: string): ScriptedRun {
    const run = this.runs.findLast((each) => each.task.id === id)
    if (run === undefined)
      throw new Error(`no run of ${id}; there are ${this.runs.map((each) => each.task.id).join(', ')}`)
    return run
  }
}

/** A delivery that keeps what it got; `refuse` says which payloads a sink turns down, `gate` holds every delivery back. */
export class ScriptedDelivery implements Delivery {
  readonly delivered: RoutedRecord[] = []
  refuse: (record: RoutedRecord) => string | undefined = () => undefined
  gate: Promise<void> | undefined

  connect(): Promise<void> {
    return Promise.resolve()
  }

  route(outputs: object, idPrefix: string, assignment: Assignment): readonly RoutedRecord[] {
    return Object.entries(outputs).flatMap(([kind, payloads]) => {
      if (kind === 'postgres') throw new Error('no sink of kind postgres is configured')
      return (payloads as unknown[]).map((payload, n) => ({
        id: `${idPrefix}/${kind}:out/${n}`,
        kind,
        sink: 'out',
        payload,
        assignment,
      }))
    })
  }

  async deliver(records: readonly RoutedRecord[]): Promise<readonly Refusal[]> {
    await this.gate
    const refusals: Refusal[] = []
    for (const each of records) {
      const reason = this.refuse(each)
      if (reason === undefined) this.delivered.push(each)
      else refusals.push({ record: each, error: new Error(reason), attempts: 1 })
    }
    return refusals
  }

  views(): [] {
    return []
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Dead letters in memory; `gate` holds the acknowledgement back. */
export class ScriptedDeadLetters implements DeadLetters {
  readonly letters: DeadLetter[] = []
  gate: Promise<void> | undefined

  connect(): Promise<void> {
    return Promise.resolve()
  }

  async bury(letter: DeadLetter): Promise<End> {
    await this.gate
    this.letters.push(letter)
    return { kind: 'dead', to: 'jobs_dlq', offset: this.letters.length - 1 }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

export interface FlowSetup {
  readonly handler: Handler
  readonly program?: (task: Task, attempt: number) => Outcome
  readonly options?: Partial<PipelineOptions>
  readonly hookTimeoutMs?: number
}

/** One partition's pipeline on a virtual clock, with everything around it scripted. */
export function flowBench({ handler, program, options, hookTimeoutMs }: FlowSetup) {
  const clock = virtualClock()
  const events: WorkerEvent[] = []
  const ends = new Map<number, End>()
  const pauses = new Set<string>()
  const crashes: unknown[] = []
  const executor = new ScriptedExecutor(program)
  const delivery = new ScriptedDelivery()
  const deadLetters = new ScriptedDeadLetters()
  const announce = (event: WorkerEvent): void => void events.push(event)
  const holds = new HoldRegistry(announce)
  const log = () => ({ debug() {}, info() {}, warn() {}, error() {} })
  const hooks = new Hooks({ handler, clock, announce, timeoutMs: hookTimeoutMs ?? 60_000, log })
  const flow = new Flow({
    hooks,
    executor,
    delivery,
    deadLetters,
    holds,
    clock,
    random: seededRandom(1),
    announce,
    options: {
      windowSize: 100,
      maxRetries: 3,
      retryBackoff: { initialMs: 100, maxMs: 10_000 },
      onParseError: 'dlq',
      arrangeBackoff: { initialMs: 1000, maxMs: 30_000 },
      ...options,
    },
    intake: { highMessages: 128, lowMessages: 16, highBytes: 1 << 20, lowBytes: 1 << 19 },
    source: { pause: (_at, reason) => void pauses.add(reason), resume: (_at, reason) => void pauses.delete(reason) },
    ended: (_assignment, offset, end) => {
      if (ends.has(offset)) throw new Error(`offset ${offset} ended twice`)
      ends.set(offset, end)
    },
    crashed: (error) => void crashes.push(error),
  })
  const assignment: Assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
  flow.assigned([assignment])
  return {
    clock,
    events,
    ends,
    pauses,
    crashes,
    executor,
    delivery,
    deadLetters,
    holds,
    flow,
    assignment,
    feed: (...messages: readonly RawMessage[]): void => flow.messages(assignment, messages),
    eventsOf: (type: WorkerEvent['type']) => events.filter((event) => event.type === type),
  }
}
