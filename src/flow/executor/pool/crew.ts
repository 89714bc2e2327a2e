import { backoffMs, type Clock, type Random } from '../../../lib/index.ts'
import type { Need } from './job.ts'
import type { PoolProcess, ProcessEnd } from './pool-process.ts'
import type { ProgramFiles } from './program-file.ts'
import { isIdle, isUsedUp, type RecyclePolicy, whyReplace } from './recycle.ts'
import { residentBytes } from './resident-memory.ts'

export interface CrewOptions<T> {
  /** Most processes that work at once, until `resize`. */
  readonly processes: number
  /** Tasks in flight in one process. */
  readonly inFlight: number
  readonly policy: RecyclePolicy
  readonly clock: Clock
  readonly random: Random
  /** The program as it is now. */
  readonly look: () => Promise<ProgramFiles | null>
  /** Makes a process, which is launched at once. */
  readonly make: (files: ProgramFiles | null) => PoolProcess<T>
}

/** What the tasks need. */
export interface Demand {
  /** In flight and waiting. */
  readonly tasks: number
  /** Some wait for a process of their own. */
  readonly alone: boolean
}

/** Between two starts after one failed. */
const RESTART = { initialMs: 500, maxMs: 30_000 }
/** Between two looks at memory and program file. */
const LOOK_MS = 1_000

/** The processes of a pool: how many there are, which one takes the next task, and who is followed by whom. */
export class Crew<T> {
  readonly members: Set<PoolProcess<T>> = new Set()
  readonly #options: CrewOptions<T>
  /** Starts that still look at the program's file. */
  #beginning = 0
  #failures = 0
  #retryAt = 0
  #lookedAt = 0
  #files: ProgramFiles | null = null
  #stopped = false
  #processes: number

  constructor(options: CrewOptions<T>) {
    this.#options = options
    this.#processes = options.processes
  }

  /** True while any process works, or may work soon. */
  get hopeful(): boolean {
    if (this.#beginning > 0) return true
    for (const { state } of this.members) if (state === 'starting' || state === 'ready') return true
    return false
  }

  /** Those that work or are being started, those that only end what they have, and how many there may be. */
  get size(): { readonly live: number; readonly leaving: number; readonly most: number } {
    const { starting, ready, replaced } = this.#count()
    const live = starting + ready + replaced
    return { live, leaving: this.members.size + this.#beginning - live, most: this.#processes }
  }

  /** From now on so many may work. More are started when tasks need them; who is too many goes when its tasks are answered. */
  resize(processes: number): void {
    this.#processes = processes
    this.#trim()
  }

  /** The least busy process that can take a task now. */
  pick(need: Need): PoolProcess<T> | null {
    const { inFlight } = this.#options
    let best: PoolProcess<T> | null = null
    for (const member of this.members) {
      const { size } = member.jobs
      if (member.state !== 'ready' || member.exclusive || size >= inFlight) continue
      if (need !== 'any' && size > 0) continue
      if (need === 'fresh' && member.tasks > 0) continue
      if (best === null || size < best.jobs.size) best = member
    }
    return best
  }

  /** Takes a process that got a task out of service where that was its last. */
  given(member: PoolProcess<T>): void {
    if (isUsedUp(this.#options.policy, member.tasks)) member.retire('tasks')
  }

  /** Starts what is missing. */
  fill(demand: Demand): void {
    if (this.#stopped) return
    const counts = this.#count()
    let missing = this.#wanted(demand.tasks) - counts.starting - counts.ready
    if (demand.alone && counts.starting === 0 && !counts.exclusive) missing = Math.max(missing, 1)
    if (this.#failures > 0) missing = this.#mayTry(counts, demand.tasks) ? Math.min(missing, 1) : 0
    for (; missing > 0; missing -= 1) void this.#begin()
  }

  /** One that was started is ready: it takes the place of one that goes. */
  joined(): void {
    this.#failures = 0
    for (const member of this.members) {
      if (member.state !== 'ready' || member.replaced === null) continue
      member.retire(member.replaced)
      return
    }
  }

  left(member: PoolProcess<T>, end: ProcessEnd): void {
    this.members.delete(member)
    const { kind } = end.cause
    if (member.tasks > 0 || kind === 'recycled' || kind === 'stop' || kind === 'task') return
    this.#failures += 1
    this.#retryAt = this.#options.clock.monotonic() + backoffMs(this.#failures, RESTART, this.#options.random)
  }

  /** Who has served long enough is replaced, one at a time; who has nothing to do goes. */
  review(now: number, tasks: number): void {
    const { policy } = this.#options
    const counts = this.#count()
    const wanted = this.#wanted(tasks)
    let leaving = counts.replaced
    for (const member of this.members) {
      if (member.state !== 'ready') continue
      const served = this.#served(member, now)
      if (member.replaced !== null) {
        if (counts.starting === 0 && counts.ready >= wanted) member.retire(member.replaced)
      } else if (isIdle(policy, served)) member.retire('idle')
      else if (leaving === 0) {
        member.replaced = whyReplace(policy, served)
        if (member.replaced !== null) leaving += 1
      }
    }
    this.#trim()
    if (now - this.#lookedAt < LOOK_MS || this.members.size === 0) return
    this.#lookedAt = now
    void this.#look()
  }

  /** No process more. */
  stop(): void {
    this.#stopped = true
    for (const member of this.members) member.stop()
  }

  /** Without an end for the idle, as many as there were to be at the start always wait for tasks. */
  #wanted(tasks: number): number {
    const { processes, inFlight, policy } = this.#options
    const always = policy.idleMs === 0 ? processes : 0
    return Math.min(this.#processes, Math.max(always, Math.ceil(tasks / inFlight)))
  }

  /** Who is too many takes no task more, the least busy first. Who runs one alone is an addition for that long. */
  #trim(): void {
    const working = [...this.members].filter(
      ({ state, replaced, exclusive }) => state === 'ready' && replaced === null && !exclusive,
    )
    const surplus = working.length - this.#processes
    if (surplus <= 0) return
    for (const member of working.toSorted((a, b) => a.jobs.size - b.jobs.size).slice(0, surplus)) {
      member.retire('surplus')
    }
  }

  #count(): { starting: number; ready: number; replaced: number; exclusive: boolean } {
    const counts = { starting: this.#beginning, ready: 0, replaced: 0, exclusive: false }
    for (const { state, replaced, exclusive } of this.members) {
      if (state === 'starting') counts.starting += 1
      else if (state === 'ready' && replaced === null) counts.ready += 1
      else if (state === 'ready') counts.replaced += 1
      if (exclusive && state !== 'ended') counts.exclusive = true
    }
    return counts
  }

  /** After a failed start one at a time: at once for tasks that nobody else can run, else after a while. */
  #mayTry(counts: { starting: number; ready: number; replaced: number }, tasks: number): boolean {
    if (counts.starting > 0) return false
    const nobody = counts.ready + counts.replaced === 0
    return (nobody && tasks > 0) || this.#options.clock.monotonic() >= this.#retryAt
  }

  async #begin(): Promise<void> {
    this.#beginning += 1
    const files = await this.#options.look()
    this.#beginning -= 1
    if (this.#stopped) return
    this.members.add(this.#options.make(files))
  }

  #served(member: PoolProcess<T>, now: number): Parameters<typeof whyReplace>[1] {
    const { tasks, jobs, startedAt, idleSince, rssBytes, files } = member
    const stamp = this.#files?.stamp
    return {
      tasks,
      inFlight: jobs.size,
      ageMs: now - startedAt,
      idleMs: jobs.size > 0 ? 0 : now - idleSince,
      rssBytes,
      outdated: stamp !== undefined && files !== null && files.stamp !== stamp,
    }
  }

  async #look(): Promise<void> {
    const before = this.#files
    const files = await this.#options.look()
    // Twice the same: a file that is being written is left alone.
    if (files !== null && (before === null || this.#seen === files.stamp)) this.#files = files
    this.#seen = files?.stamp ?? ''
    if (this.#options.policy.maxRssBytes === 0) return
    for (const member of this.members) {
      if (member.state === 'ready') member.rssBytes = (await residentBytes(member.pid)) ?? 0
    }
  }

  #seen = ''
}
