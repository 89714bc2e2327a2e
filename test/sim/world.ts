import {
  createDeadLetters,
  createTransactionalDeadLetters,
  type DeadLetters,
  deadLetterTopic,
  discarding,
} from '../../src/flow/ends/index.ts'
import { createExecutor, type Executor } from '../../src/flow/executor/index.ts'
import { HoldRegistry } from '../../src/flow/pipeline/index.ts'
import {
  createDelivery,
  createTransactionalKafkaSink,
  type Delivery,
  type RecordVerdict,
  type Sink,
  type Staging,
} from '../../src/flow/sinks/index.ts'
import {
  type KafkaDriver,
  KafkaSource,
  type Source,
  type TransactionalProducer,
  Transactor,
} from '../../src/flow/source/index.ts'
import { Hooks } from '../../src/handler/index.ts'
import { type Random, seededRandom } from '../../src/lib/index.ts'
import {
  type Assignment,
  DrakkarError,
  type Handler,
  partitionKey,
  type Task,
  type WorkerEvent,
} from '../../src/model/index.ts'
import {
  type ClockBranch,
  History,
  Link,
  ModelBroker,
  type ModelDriver,
  noFaults,
  ScriptedRunner,
  ScriptedSink,
  type VirtualClock,
  virtualClock,
} from '../../src/testing/index.ts'
import { Worker } from '../../src/worker.ts'
import type { MessageFacts, WorldFacts } from './facts.ts'
import { placeOf } from './facts.ts'
import { scriptedHandler } from './handler.ts'
import { expectation, MAX_RETRIES, planner } from './plan.ts'

/**
 * Deliberate bugs: each puts something wrong between two right parts of every worker. `random` is a stream of its own, so
 * that a bug changes nothing but what it does.
 */
export interface Mutant {
  source?(source: Source, random: Random): Source
  driver?(driver: KafkaDriver, random: Random): KafkaDriver
  delivery?(delivery: Delivery, random: Random): Delivery
  deadLetters?(deadLetters: DeadLetters, random: Random): DeadLetters
  executor?(executor: Executor, random: Random): Executor
  handler?(handler: Handler, random: Random): Handler
  staging?(staging: Staging): Staging
}

/** What the seed decides of a world before anything happens in it. */
export interface WorldShape {
  readonly seed: number
  readonly partitions: number
  readonly messages: number
  readonly workers: number
  readonly slots: number
  readonly windowSize: number
  readonly windows: boolean
  /** `delivery: atomic`. */
  readonly atomic: boolean
  /** Results, dead letters and commits in transactions; only where atomic. */
  readonly transactional: boolean
  readonly highMessages: number
  readonly commitEvery: number
  readonly commitAgeMs: number
  readonly metadataBudget: number
}

/** Limits that the workers of every world are given, milliseconds. */
export const LIMITS = { drainMs: 5_000, revokeCommitMs: 3_000, stopMs: 6_000, sourceStopMs: 5_000 } as const

export const TOPIC = 'jobs'
export const DEAD_LETTERS: string = deadLetterTopic(TOPIC)
export const RESULTS = 'results'
const GROUP = 'sim'
const SINK = 'kafka:out'

/** One worker of the world, alive or not. */
export interface SimWorker {
  readonly client: string
  readonly worker: Worker
  readonly clock: ClockBranch
  readonly driver: ModelDriver
}

/**
 * Workers, built as in production but for their ends: a broker in memory, programs and a sink that follow a script, all
 * on one virtual clock. What fails and when comes from the schedule; everything by chance from the seed.
 */
export class SimWorld {
  readonly shape: WorldShape
  readonly clock: VirtualClock = virtualClock()
  readonly history: History = new History(() => this.clock.monotonic())
  readonly random: Random
  readonly broker: ModelBroker
  readonly workers: Map<string, SimWorker> = new Map()
  /** How often each kind of event was announced, by all workers. */
  readonly announced: Map<string, number> = new Map()
  sinkAway = false
  readonly #planOf: ReturnType<typeof planner>
  readonly #messages = new Map<string, MessageFacts>()
  readonly #mutant: Mutant
  #epochs = 0
  #numbers = 0

  constructor(shape: WorldShape, mutant: Mutant = {}) {
    this.shape = shape
    this.random = seededRandom(shape.seed * 3 + 1)
    this.#planOf = planner(shape.seed)
    this.#mutant = mutant
    this.broker = new ModelBroker({
      clock: this.clock,
      random: seededRandom(shape.seed * 5 + 2),
      history: this.history,
    })
    this.broker.createTopic(TOPIC, shape.partitions)
    this.broker.createTopic(DEAD_LETTERS, 1)
    if (shape.transactional) this.broker.createTopic(RESULTS, 2)
  }

  /** Puts the next message into a log, sometimes with a gap behind it. */
  produce(): void {
    const number = this.#numbers
    this.#numbers += 1
    const plan = this.#planOf(number)
    const value = plan.kind === 'unparsable' ? `{broken ${number}` : JSON.stringify({ number })
    const partition = Math.floor(this.random() * this.shape.partitions)
    const headers = [['trace', Buffer.from(`${number}`)] as const, ['trace', Buffer.from('again')] as const]
    const record = this.broker.append({ topic: TOPIC, partition, key: `key-${number}`, value, headers })
    const at = { topic: TOPIC, partition, offset: record.offset }
    this.#messages.set(placeOf(at), {
      at,
      record,
      plan,
      expected: expectation(plan, placeOf(at), SINK, this.shape),
    })
    if (this.random() < 0.15) this.broker.skip(at, 1 + Math.floor(this.random() * 3))
  }

  /** Starts a worker under this name; a former one of the name must be gone. */
  start(client: string): void {
    const clock = this.clock.branch()
    const random = seededRandom(Math.floor(this.random() * 2 ** 32))
    const made = this.#build(client, clock, random, (event) => {
      if (clock.alive) this.announced.set(kindOf(event), (this.announced.get(kindOf(event)) ?? 0) + 1)
    })
    const worker: SimWorker = { client, clock, ...made }
    this.workers.set(client, worker)
    this.history.add({ type: 'worker', client, what: 'started' })
    worker.worker.start().catch((error: unknown) => this.#gone(worker, `could not start: ${String(error)}`))
    void worker.worker.failure.then((error) => {
      this.history.add({ type: 'worker', client, what: 'failed', detail: `${error.message}\n${String(error.cause)}` })
      this.#gone(worker, 'failed')
    })
  }

  /** Power off: nothing that the worker would still do reaches anyone. */
  crash(client: string): void {
    const worker = this.workers.get(client)
    if (worker !== undefined) this.#gone(worker, 'power off')
  }

  /** A stop in order; resolves when it is over, also where the broker took no last commit. */
  async stop(client: string): Promise<void> {
    const worker = this.workers.get(client)
    if (worker === undefined) return
    this.history.add({ type: 'worker', client, what: 'stopping' })
    await worker.worker.stop().catch((error: unknown) => {
      if (!(error instanceof DrakkarError && error.code === 'DRAIN_TIMEOUT')) throw error
    })
    if (this.workers.get(client) !== worker) return
    this.workers.delete(client)
    this.history.add({ type: 'worker', client, what: 'stopped' })
    worker.clock.cut()
  }

  /** Every message has ended, and the group knows it. */
  finished(): boolean {
    return this.unfinished() === null
  }

  /** What is still to be done, in words. */
  unfinished(): string | null {
    for (let partition = 0; partition < this.shape.partitions; partition += 1) {
      const committed = this.broker.committed(GROUP, { topic: TOPIC, partition })?.offset ?? 0
      const last = this.broker.records({ topic: TOPIC, partition }).at(-1)
      if (last !== undefined && committed <= last.offset) {
        return `partition ${partition} is committed up to ${committed}, its last record is ${last.offset}`
      }
    }
    return null
  }

  facts(unfinished: string | null): WorldFacts {
    const { seed, windows, atomic, transactional, partitions } = this.shape
    return {
      seed,
      windows,
      atomic,
      transactional,
      slots: this.shape.slots,
      smallBudget: this.shape.metadataBudget < 3_000,
      partitions,
      group: GROUP,
      topic: TOPIC,
      deadLetterTopic: DEAD_LETTERS,
      sink: SINK,
      maxRetries: MAX_RETRIES,
      messages: this.#messages,
      deadLetters: this.broker.topic(DEAD_LETTERS),
      committed: Array.from({ length: partitions }, (_, partition) => {
        return this.broker.committed(GROUP, { topic: TOPIC, partition })?.offset ?? null
      }),
      unfinished,
    }
  }

  #gone(worker: SimWorker, detail: string): void {
    if (this.workers.get(worker.client) !== worker) return
    this.workers.delete(worker.client)
    worker.clock.cut()
    this.history.add({ type: 'worker', client: worker.client, what: 'crashed', detail })
  }

  #build(
    client: string,
    clock: ClockBranch,
    random: Random,
    announce: (event: WorkerEvent) => void,
  ): { worker: Worker; driver: ModelDriver } {
    const { shape, history } = this
    const mutant = this.#mutant
    const chaos = seededRandom(shape.seed + 11)
    const driver = this.broker.driver(client, clock)
    const used = mutant.driver?.(driver, chaos) ?? driver
    const holds = new HoldRegistry(announce)
    const epochs = new Map<string, number>()
    const taskEpochs = new WeakMap<Task, number>()
    const scripted = scriptedHandler({
      clock,
      random,
      history,
      client,
      planOf: this.#planOf,
      epochOf: (at) => epochs.get(partitionKey(at)) ?? null,
      windows: shape.windows,
    }) as Handler
    const handler = mutant.handler?.(scripted, chaos) ?? scripted
    const log = (): Record<'debug' | 'info' | 'warn' | 'error', () => void> => {
      return { debug: quiet, info: quiet, warn: quiet, error: quiet }
    }
    const transactor = shape.transactional ? transactorOf(used, { client, clock, random, announce, holds }) : undefined
    const staging = transactor === undefined ? undefined : (mutant.staging?.(transactor) ?? transactor)
    const source = new KafkaSource({
      driver: used,
      transactor,
      client: {},
      consumer: {
        groupId: GROUP,
        topics: [TOPIC],
        sessionTimeoutMs: 6_000,
        heartbeatIntervalMs: 1_000,
        maxPollIntervalMs: 30_000,
      },
      clock,
      random,
      announce,
      holds,
      pollWaitMs: 500,
      drainTimeoutMs: LIMITS.drainMs,
      revokeCommitMs: LIMITS.revokeCommitMs,
      stopTimeoutMs: LIMITS.sourceStopMs,
      commitEvery: shape.commitEvery,
      commitAgeMs: shape.commitAgeMs,
      metadataBudget: shape.metadataBudget,
      nextEpoch: () => {
        this.#epochs += 1
        return this.#epochs
      },
    })
    const mutated = mutant.source?.(source, chaos) ?? source
    const runner = new ScriptedRunner({
      clock,
      history,
      client,
      epochOf: (task) => taskEpochs.get(task) ?? null,
      script: (task, run) => runOf(task, run),
    })
    const pool = createExecutor({
      runner,
      slots: shape.slots,
      holds,
      announce,
      clock,
      random,
      defaultBinary: '/bin/work',
    })
    const submitted = watchedExecutor(pool, taskEpochs)
    const delivery = createDelivery({
      sinks: [staging === undefined ? this.#sink(client, clock) : this.#transactional(staging)],
      clock,
      random,
      announce,
      holds,
      backoff: { initialMs: 100, maxMs: 2_000 },
      deliveryTimeoutMs: 4_000,
      later: (run) => void clock.timer(0, run),
    })
    const letters = {
      topicOf: () => DEAD_LETTERS,
      sourceTopics: [TOPIC],
      worker: client,
      oversize: { to: 'hold' } as const,
      clock,
      random,
      announce,
      holds,
      backoff: { initialMs: 100, maxMs: 2_000 },
    }
    const deadLetters =
      staging === undefined
        ? createDeadLetters({ ...letters, producer: used.producer({}, { lingerMs: 0, compression: 'none' }) })
        : discarding(createTransactionalDeadLetters({ ...letters, staging }), staging)
    const worker = new Worker({
      workerId: client,
      handler,
      hooks: new Hooks({ handler, clock, announce, timeoutMs: 10_000, log }),
      source: watchedSource(mutated, { client, history, epochs }),
      executor: mutant.executor?.(submitted, chaos) ?? submitted,
      delivery: mutant.delivery?.(delivery, chaos) ?? delivery,
      deadLetters: mutant.deadLetters?.(deadLetters, chaos) ?? deadLetters,
      holds,
      clock,
      random,
      announce,
      pipeline: {
        windowSize: shape.windowSize,
        atomic: shape.atomic,
        maxRetries: MAX_RETRIES,
        retryBackoff: { initialMs: 50, maxMs: 1_000 },
        onParseError: 'dlq',
        arrangeBackoff: { initialMs: 200, maxMs: 2_000 },
      },
      intake: {
        highMessages: shape.highMessages,
        lowMessages: Math.ceil(shape.highMessages / 2),
        highBytes: 1_000_000,
        lowBytes: 500_000,
      },
      stopTimeoutMs: LIMITS.stopMs,
    })
    return { worker, driver }
  }

  /** What production has, but that it refuses by plan, and is away for a while as another sink would be. */
  #transactional(staging: Staging): Sink {
    const sink = createTransactionalKafkaSink({ name: 'out', topic: RESULTS, staging }) as Sink
    const refused = new WeakSet<object>()
    return {
      kind: sink.kind,
      name: sink.name,
      accept: (payload) => {
        const accepted = sink.accept(payload)
        const { data } = payload as { data: { refused?: boolean } }
        if (data.refused) refused.add(accepted as object)
        return accepted
      },
      size: (payload) => sink.size(payload),
      connect: () => sink.connect(),
      close: () => sink.close(),
      deliver: async (batch, signal) => {
        if (this.sinkAway) throw new Error('the sink is away')
        const taken = batch.filter(({ payload }) => !refused.has(payload as object))
        const verdicts = [...(await sink.deliver(taken, signal))]
        return batch.map((record) =>
          refused.has(record.payload as object)
            ? { ok: false, kind: 'permanent', error: new Error('refused by plan') }
            : (verdicts.shift() as RecordVerdict),
        )
      },
    }
  }

  /** The sink is another machine: it takes what was sent before a crash, and answers only who is alive. */
  #sink(client: string, clock: ClockBranch): Sink {
    const random = seededRandom(Math.floor(this.random() * 2 ** 32))
    const sink = new ScriptedSink({
      clock: this.clock,
      history: this.history,
      client,
      script: {
        latencyMs: () => random() * 30,
        away: () => this.sinkAway,
        verdict: ({ payload }) => {
          const { data } = payload as { data: { refused?: boolean } }
          return data.refused ? { ok: false, kind: 'permanent', error: new Error('refused by plan') } : { ok: true }
        },
        losesAnswer: () => this.broker.faults.produceAnswerLost > 0 && random() < 0.2,
      },
    })
    const link = new Link({ broker: this.clock, client: clock, faults: noFaults(), random })
    return {
      kind: sink.kind,
      name: sink.name,
      accept: (payload) => sink.accept(payload),
      size: () => sink.size(),
      connect: () => sink.connect(),
      close: () => sink.close(),
      deliver: (batch) => link.request(() => sink.deliver(batch)),
    }
  }
}

function transactorOf(
  driver: KafkaDriver,
  of: { client: string } & Pick<ConstructorParameters<typeof Transactor>[0], 'clock' | 'random' | 'announce' | 'holds'>,
): Transactor {
  const { client: transactionalId, ...around } = of
  return new Transactor({
    ...around,
    transactionalId,
    maxMessageBytes: 1_000_000,
    make: () => driver.transactional?.({}, { transactionalId, compression: 'none' }) as TransactionalProducer,
  })
}

/** The event, with what tells apart those that mean different things. */
function kindOf(event: WorkerEvent): string {
  if (event.type === 'transaction_ended') return `transaction ${event.committed ? 'committed' : 'aborted'}`
  if (event.type === 'held') return `held ${event.hold.reason}`
  if (event.type === 'revoked') return event.lost ? 'lost' : 'revoked'
  return event.type === 'paused' ? `paused ${event.reason}` : event.type
}

function runOf(task: Task, run: number): { durationMs: number; verdict: 'ok' | 'exit'; stdout: string } {
  const { plan } = task.metadata as { plan: { durationMs: number; failures: number | 'always' } }
  const fails = plan.failures === 'always' || run <= plan.failures
  return { durationMs: plan.durationMs, verdict: fails ? 'exit' : 'ok', stdout: task.id }
}

/** Remembers which assignment each task came with, for the programs' history. */
function watchedExecutor(executor: Executor, epochs: WeakMap<Task, number>): Executor {
  return {
    start: () => executor.start(),
    stop: () => executor.stop(),
    get slots() {
      return executor.slots
    },
    get running() {
      return executor.running
    },
    get waiting() {
      return executor.waiting
    },
    setSlots: (slots) => executor.setSlots(slots),
    kept: () => executor.kept(),
    active: () => executor.active(),
    cancelTask: (id) => executor.cancelTask(id),
    submit: (task, options) => {
      epochs.set(task, options.assignment.epoch)
      return executor.submit(task, options)
    },
  }
}

/** Writes down every end before the source hears of it, and knows the epoch that each partition is in. */
function watchedSource(source: Source, of: { client: string; history: History; epochs: Map<string, number> }): Source {
  return {
    start: (listener) =>
      source.start({
        assigned: (assignments) => {
          for (const assignment of assignments) of.epochs.set(partitionKey(assignment), assignment.epoch)
          listener.assigned(assignments)
        },
        messages: (assignment, messages) => listener.messages(assignment, messages),
        revoked: (assignments, how) => listener.revoked(assignments, how),
        failed: (error) => listener.failed(error),
      }),
    pause: (assignment: Assignment, reason) => source.pause(assignment, reason),
    resume: (assignment, reason) => source.resume(assignment, reason),
    ended: (assignment, offset, end) => {
      const record = { topic: assignment.topic, partition: assignment.partition, offset }
      const detail = end.kind === 'dropped' ? end.rule : end.kind === 'dead' ? `${end.to}:${end.offset}` : ''
      of.history.add({ type: 'ended', client: of.client, epoch: assignment.epoch, record, kind: end.kind, detail })
      source.ended(assignment, offset, end)
    },
    quiesce: () => source.quiesce(),
    stop: () => source.stop(),
    partitions: () => source.partitions(),
    brokersAwayMs: () => source.brokersAwayMs(),
    denied: () => source.denied(),
  }
}

function quiet(): void {
  // The simulation reads events, not logs.
}
