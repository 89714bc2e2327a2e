import type { DeadLetters } from './flow/ends/index.ts'
import type { Executor } from './flow/executor/index.ts'
import {
  createControl,
  Flow,
  type HoldRegistry,
  type IntakeOptions,
  type PipelineOptions,
} from './flow/pipeline/index.ts'
import type { Delivery } from './flow/sinks/index.ts'
import type { Source } from './flow/source/index.ts'
import { type Hooks, startPeriodic } from './handler/index.ts'
import { type Clock, type Deferred, deferred, type Random, sleep, unlessAborted } from './lib/index.ts'
import {
  type Announce,
  type Control,
  DrakkarError,
  type Handler,
  partitionKey,
  type RunView,
  reasonOf,
  type WorkerView,
} from './model/index.ts'

/** The parts of a worker, already built. Real ones in production, models in a simulation; the worker cannot tell. */
export interface WorkerParts {
  readonly workerId: string
  readonly handler: Handler
  readonly hooks: Hooks
  readonly source: Source
  readonly executor: Executor
  readonly delivery: Delivery
  readonly deadLetters: DeadLetters
  readonly holds: HoldRegistry
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly pipeline: PipelineOptions
  readonly intake: IntakeOptions
  /** How long a stop lets running work finish, milliseconds. */
  readonly stopTimeoutMs: number
}

/** Wires source and pipelines together, starts the parts in order and stops them in reverse. */
export class Worker {
  readonly #parts: WorkerParts
  readonly #flow: Flow
  readonly #failure: Deferred<Error> = deferred()
  readonly #background = new AbortController()
  #phase: WorkerView['phase'] = 'starting'
  #periodic: Promise<void> = Promise.resolve()
  #stopping: Promise<boolean> | undefined

  constructor(parts: WorkerParts) {
    this.#parts = parts
    const { source, holds, hooks, executor, delivery, deadLetters, clock, random, announce, pipeline, intake } = parts
    this.#flow = new Flow({
      source,
      holds,
      hooks,
      executor,
      delivery,
      deadLetters,
      clock,
      random,
      announce,
      options: pipeline,
      intake,
      ended: (assignment, offset, end) => source.ended(assignment, offset, end),
      crashed: (error) =>
        this.fail(new DrakkarError('USER_CODE_CRASHED', `the pipeline failed: ${reasonOf(error)}`, { cause: error })),
    })
    this.control = createControl({ flow: this.#flow, executor, source, announce, intake })
  }

  /** What an operator may ask of it. */
  readonly control: Control

  /** Resolves with the error for which the worker must end; stays pending while there is none. */
  get failure(): Promise<Error> {
    return this.#failure.promise
  }

  /** What runs now. */
  runs(): readonly RunView[] {
    return this.#parts.executor.active()
  }

  /** Says that the worker must end. The first reason counts. */
  fail(error: Error): void {
    this.#failure.resolve(error)
  }

  /** Everything is connected and messages flow when it resolves. Where a part cannot start, what had started is stopped. */
  async start(): Promise<void> {
    const { announce, executor, delivery, deadLetters, source, hooks, handler, clock } = this.#parts
    announce({ type: 'lifecycle', phase: 'starting' })
    try {
      const { signal } = this.#background
      const steps = [
        () => executor.start(),
        () => delivery.connect(),
        () => deadLetters.connect(),
        () => unlessAborted(hooks.onReady(signal), signal),
        () =>
          source.start({
            assigned: (assignments) => this.#flow.assigned(assignments),
            messages: (assignment, messages) => this.#flow.messages(assignment, messages),
            revoked: (assignments, how) => this.#flow.revoked(assignments, how),
            failed: (error) => this.fail(error),
          }),
      ]
      for (const step of steps) {
        signal.throwIfAborted()
        await step()
      }
      signal.throwIfAborted()
    } catch (error) {
      // Why it could not start matters more than what else went wrong on the way back.
      await this.stop().catch(() => undefined)
      throw error
    }
    this.#periodic = startPeriodic(handler, hooks, { clock, announce }, this.#background.signal)
    this.#phase = 'ready'
    announce({ type: 'lifecycle', phase: 'ready' })
  }

  /**
   * Quiet, drain, commit, close. True where nothing was left running. Twice is fine: the second call waits for the first.
   */
  stop(): Promise<boolean> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /** Makes a running stop end now: programs are killed and what has no end is handed back. */
  force(): void {
    this.#flow.close()
  }

  view(): WorkerView {
    const { source, executor, delivery, workerId } = this.#parts
    const flows = new Map(this.#flow.views().map((view) => [partitionKey(view.assignment), view]))
    const partitions = source.partitions().map(({ assignment, ...at }) => {
      const flow = flows.get(partitionKey(assignment))
      return {
        topic: assignment.topic,
        partition: assignment.partition,
        epoch: assignment.epoch,
        inFlight: flow?.inFlight ?? 0,
        queued: flow?.queued ?? 0,
        bytes: flow?.bytes ?? 0,
        ...at,
        holds: flow?.holds ?? [],
        head: flow?.head ?? null,
      }
    })
    return {
      phase: this.#phase,
      workerId,
      notReady: this.#notReady(),
      partitions,
      executor: {
        slots: executor.slots,
        running: executor.running,
        waiting: executor.waiting,
        kept: executor.kept(),
      },
      sinks: delivery.views(),
      brokersAwayMs: source.brokersAwayMs(),
    }
  }

  /** A periodic run that ignores its signal must not keep the worker from stopping. */
  async #untilPeriodicEnds(deadline: number): Promise<void> {
    const { clock } = this.#parts
    const ended = new AbortController()
    const limit = sleep(clock, Math.max(0, deadline - clock.monotonic()), ended.signal)
    await Promise.race([this.#periodic, limit])
    ended.abort()
  }

  #notReady(): string[] {
    const denied = this.#parts.source.denied()
    const reasons: string[] = denied === null ? [] : [`source: ${denied}`]
    for (const { at, hold } of this.#parts.holds.all())
      reasons.push(`${at.topic}/${at.partition} held: ${hold.reason}: ${hold.detail}`)
    for (const sink of this.#parts.delivery.views())
      if (!sink.connected) reasons.push(`sink_${sink.kind}:${sink.name}_not_connected`)
    return reasons
  }

  async #stop(): Promise<boolean> {
    const { announce, clock, source, executor, delivery, deadLetters, stopTimeoutMs } = this.#parts
    this.#phase = 'stopping'
    announce({ type: 'lifecycle', phase: 'stopping' })
    const deadline = clock.monotonic() + stopTimeoutMs
    this.#background.abort()
    source.quiesce()
    const drained = await this.#flow.drain(deadline)
    const problems: unknown[] = []
    const steps = [
      () => source.stop(),
      () => delivery.close(Math.max(1000, deadline - clock.monotonic())),
      () => deadLetters.close(),
      () => executor.stop(),
      () => this.#untilPeriodicEnds(deadline),
    ]
    // Each is closed, whatever another one says: half a stop would leave processes and group members behind.
    for (const step of steps) await step().catch((error: unknown) => problems.push(error))
    this.#phase = 'stopped'
    announce({ type: 'lifecycle', phase: 'stopped' })
    if (problems.length > 0) throw problems[0]
    return drained
  }
}
