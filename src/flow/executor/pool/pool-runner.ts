import type { Random } from '../../../lib/index.ts'
import type { Announce, KeptView, Outcome, Task } from '../../../model/index.ts'
import type { CancelSignal } from '../cancellation.ts'
import type { Runner } from '../runner.ts'
import type { Answer } from './answer.ts'
import { Crew, type Demand } from './crew.ts'
import { goneEvent } from './gone-event.ts'
import { Job } from './job.ts'
import {
  answeredOutcome,
  diedOutcome,
  endedByUs,
  keep,
  neverGiven,
  type PoolFacts,
  type RunSoFar,
  unluckyOutcome,
  unstartedOutcome,
} from './pool-outcome.ts'
import type { PoolProcess, PoolProcessEvents, ProcessEnd } from './pool-process.ts'
import { ProcessMaker, type ProcessMakerOptions } from './process-maker.ts'
import type { RecyclePolicy } from './recycle.ts'
import { refuseTask } from './refuse-task.ts'
import { Sweep } from './sweep.ts'

export interface PoolRunnerOptions extends ProcessMakerOptions, Omit<PoolFacts, 'cwd'> {
  readonly random: Random
  readonly announce: Announce
  /** Most processes at once. */
  readonly processes: number
  /** True: with `setSlots` there are as many as have room for so many tasks. Default: the number stays. */
  readonly followsSlots?: boolean
  /** Tasks in flight in one process. */
  readonly inFlight: number
  /** Of a task, milliseconds from the moment its process was given it; 0 = none. */
  readonly timeoutMs: number
  readonly recycle: RecyclePolicy
}

/** Ended so often for what others did, a task is reported. */
const MOST_RESENT = 8

/**
 * Processes that stay: each takes one task after the other, or several at once, over its stdin and stdout. One that
 * breaks the protocol, dies, or has to be ended is replaced; the tasks that it had run again in another.
 */
export class PoolRunner implements Runner {
  readonly #options: PoolRunnerOptions
  readonly #facts: PoolFacts
  readonly #crew: Crew<Job>
  readonly #maker: ProcessMaker<Job>
  readonly #sweep: Sweep
  /** Wait for a process. */
  #queue: Job[] = []
  /** May have ended a process: wait for one of their own. */
  #suspects: Job[] = []
  #dirty: PoolProcess<Job>[] = []
  #inFlight = 0
  #started = false
  #stopping: PromiseWithResolvers<void> | null = null

  constructor(options: PoolRunnerOptions) {
    this.#options = options
    this.#facts = { ...options, cwd: '' }
    this.#sweep = new Sweep(options.clock, (now) => this.#look(now))
    this.#maker = new ProcessMaker<Job>(options, this.#processEvents())
    const { processes, inFlight, recycle: policy, clock, random } = options
    this.#crew = new Crew<Job>({
      processes,
      inFlight,
      policy,
      clock,
      random,
      look: () => this.#maker.look(),
      make: (files) => this.#maker.make(files),
    })
  }

  /** Starts the processes and does not wait for them: what is wrong with them is told with the first task. */
  async start(): Promise<void> {
    await this.#maker.open()
    this.#started = true
    this.#crew.fill({ tasks: 0, alone: false })
    this.#sweep.start()
  }

  programOf(): string {
    return `pool ${this.#options.program}`
  }

  run(task: Task, signal: CancelSignal, started?: (pid?: number) => void): Promise<Outcome> {
    const refusal = refuseTask(task, this.#options.program)
    if (refusal !== null) return Promise.resolve(refusal)
    if (this.#stopping !== null || signal.aborted) return Promise.resolve(neverGiven())
    return new Promise((resolve) => {
      const timeoutMs = task.timeoutMs ?? this.#options.timeoutMs
      this.#queue.push(new Job(task, timeoutMs, signal, started, resolve, this.#cancel))
      this.#dispatch()
    })
  }

  setSlots(slots: number): void {
    if (this.#options.followsSlots !== true || this.#stopping !== null) return
    this.#crew.resize(Math.ceil(slots / this.#options.inFlight))
    if (this.#started) this.#crew.fill(this.#demand())
  }

  kept(): readonly KeptView[] {
    const configured = this.#options.followsSlots !== true
    return [{ runner: 'pool', what: 'processes', ...this.#crew.size, configured }]
  }

  async stop(): Promise<void> {
    if (this.#stopping !== null) return this.#stopping.promise
    this.#stopping = Promise.withResolvers<void>()
    this.#sweep.stop()
    for (const job of [...this.#suspects.splice(0), ...this.#queue.splice(0)]) job.finish(neverGiven())
    for (const { jobs } of this.#crew.members) for (const job of jobs.values()) job.ending ??= 'cancelled'
    this.#crew.stop()
    this.#settleStop()
    await this.#stopping.promise
    await this.#maker.close()
  }

  #processEvents(): PoolProcessEvents<Job> {
    const { clock, maxStdoutBytes } = this.#options
    return {
      ready: () => this.#joined(),
      dirty: (process) => this.#toFlush(process),
      answered: (job, answer) => this.#answered(job, answer),
      partial: (job, { index, stdout }) => {
        job.lastSign = clock.monotonic()
        job.keep(index, keep(stdout), job.task.maxStdoutBytes ?? maxStdoutBytes)
      },
      progress: (job) => {
        job.lastSign = clock.monotonic()
      },
      ended: (process, end) => this.#ended(process, end),
    }
  }

  #dispatch(): void {
    if (this.#stopping !== null) return
    this.#hand(this.#suspects)
    this.#hand(this.#queue)
    if (this.#queue.length + this.#suspects.length > 0) this.#crew.fill(this.#demand())
  }

  #demand(): Demand {
    const tasks = this.#inFlight + this.#queue.length + this.#suspects.length
    return { tasks, alone: this.#suspects.length > 0 }
  }

  #hand(jobs: Job[]): void {
    for (let job = jobs[0]; job !== undefined; job = jobs[0]) {
      const process = this.#crew.pick(job.need)
      if (process === null) return
      jobs.shift()
      this.#inFlight += 1
      job.give(process, this.#options.clock.monotonic())
      this.#sweep.due(job.dueAt(this.#options.noProgressMs))
      this.#crew.given(process)
    }
  }

  #toFlush(process: PoolProcess<Job>): void {
    if (this.#dirty.length === 0) setImmediate(this.#flush)
    this.#dirty.push(process)
  }

  /** One write for each process and turn of the event loop. */
  readonly #flush = (): void => {
    const dirty = this.#dirty
    this.#dirty = []
    for (const process of dirty) process.flush()
  }

  #joined(): void {
    this.#crew.joined()
    this.#dispatch()
  }

  #answered(job: Job, answer: Extract<Answer, { kind: 'ok' | 'fail' }>): void {
    const run = this.#runOf(job)
    const { ending } = job
    job.process?.done(job.id)
    this.#inFlight -= 1
    // An answer in time for its process is too late for a task that was given up.
    job.finish(
      ending === null ? answeredOutcome(answer, this.#facts, run, job.task) : endedByUs(ending, this.#facts, run),
    )
    if (this.#queue.length + this.#suspects.length > 0) this.#dispatch()
  }

  #runOf(job: Job): RunSoFar {
    return {
      pid: job.process?.pid ?? 0,
      wallMs: this.#options.clock.monotonic() - job.sentAt,
      timeoutMs: job.timeoutMs,
      identity: job.process?.files?.program,
      partials: job.partials,
      cut: job.cut,
    }
  }

  readonly #cancel = (job: Job): void => {
    const { process } = job
    if (process === null) {
      for (const waiting of [this.#queue, this.#suspects]) {
        const at = waiting.indexOf(job)
        if (at !== -1) waiting.splice(at, 1)
      }
      return job.finish(neverGiven())
    }
    if (job.ending !== null) return
    job.ending = 'cancelled'
    if (!process.takesCancel || process.state === 'ended') return process.end({ kind: 'task' })
    job.killAt = this.#options.clock.monotonic() + this.#options.graceMs
    process.cancel(job.id)
    this.#sweep.due(job.killAt)
  }

  /** Ends what is over its limits; answers when to look again. */
  #look(now: number): number {
    const { noProgressMs } = this.#options
    let next = Number.POSITIVE_INFINITY
    for (const process of this.#crew.members) {
      for (const job of process.jobs.values()) {
        const due = job.dueAt(noProgressMs)
        if (due > now) {
          next = Math.min(next, due)
          continue
        }
        job.ending ??= job.timeoutMs > 0 && now - job.sentAt >= job.timeoutMs ? 'timeout' : 'no-progress'
        job.killAt = Number.POSITIVE_INFINITY
        process.end({ kind: 'task' })
      }
    }
    const demand = this.#demand()
    this.#crew.review(now, demand.tasks)
    this.#crew.fill(demand)
    return next
  }

  #ended(process: PoolProcess<Job>, end: ProcessEnd): void {
    const jobs = [...process.jobs.values()]
    process.jobs.clear()
    this.#inFlight -= jobs.length
    this.#crew.left(process, end)
    this.#options.announce(goneEvent(process, end, this.#facts, this.#options.clock.monotonic(), jobs.length))
    for (const job of jobs) this.#orphaned(job, end, jobs.length)
    if (!process.wasReady && !this.#crew.hopeful) this.#nobody(end)
    this.#settleStop()
    const waiting = this.#queue.length + this.#suspects.length
    if (this.#stopping !== null) return
    this.#dispatch()
    if (waiting === 0) this.#crew.fill({ tasks: this.#inFlight, alone: false })
  }

  /** Its process is gone: it is reported, or runs again. `together`: so many were in flight in it. */
  #orphaned(job: Job, end: ProcessEnd, together: number): void {
    const { kind } = end.cause
    const run = this.#runOf(job)
    if (this.#stopping !== null) job.ending ??= 'cancelled'
    if (job.ending !== null) return job.finish(endedByUs(job.ending, this.#facts, run))
    if (kind === 'task' || kind === 'stop' || end.report.kind !== 'done') {
      job.resent += 1
      if (job.resent > MOST_RESENT) return job.finish(unluckyOutcome(this.#facts, run))
      job.process = null
      this.#queue.unshift(job)
      return
    }
    const died = diedOutcome(end, this.#facts, run)
    const mayRunAgain = together > 1 || (died.verdict === 'protocol' && !job.retried)
    if (!mayRunAgain) return job.finish(died)
    job.need = together > 1 ? 'alone' : 'fresh'
    job.retried = died.verdict === 'protocol'
    job.process = null
    this.#suspects.push(job)
  }

  /** No process can be made ready: whoever waits is told why, so that its partition is held until one can. */
  #nobody(end: ProcessEnd): void {
    const outcome = unstartedOutcome(end, this.#facts)
    for (const job of [...this.#suspects.splice(0), ...this.#queue.splice(0)]) job.finish(outcome)
  }

  #settleStop(): void {
    if (this.#crew.members.size === 0) this.#stopping?.resolve()
  }
}
