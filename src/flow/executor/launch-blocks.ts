import type { BackoffOptions, Clock, Random } from '../../lib/index.ts'
import type { Holds, Outcome } from '../../model/index.ts'
import { LaunchBlock, type Parkable } from './launch-block.ts'
import { launchFault } from './launch-fault.ts'

/** How launches that failed are tried again. */
export interface LaunchRetry {
  /** Between two tries of a program that cannot be started. Default 1 s growing to 5 s. */
  readonly program: BackoffOptions
  /** Between two tries of a machine without room for another process. Default 50 ms growing to 5 s. */
  readonly resources: BackoffOptions
  /** A machine without room holds the partitions after this, milliseconds. Default 10,000. */
  readonly resourcesHoldMs: number
  /** So many failed launches in a row of a program that a task itself names are answered before its tasks are held. Default 3. */
  readonly ownProgramFailures: number
}

export const LAUNCH_RETRY: LaunchRetry = {
  program: { initialMs: 1_000, maxMs: 5_000, factor: 1.5, jitter: 0.1 },
  resources: { initialMs: 50, maxMs: 5_000, factor: 2, jitter: 0.5 },
  resourcesHoldMs: 10_000,
  ownProgramFailures: 3,
}

export interface Launchable<Self extends Parkable> extends Parkable {
  /** What is launched for it; null where nothing is: then no launch can stand before it. */
  readonly program: string | null
  /** The task itself names it; else the configuration does, and no task is to blame. */
  readonly ownProgram: boolean
  /** Its membership, while a block has it. */
  block: LaunchBlock<Self> | null
  /** Sent to see whether it launches; goes through although there is a block. */
  probe: boolean
  readonly launchedAt: number
}

export interface LaunchBlocksOptions<T> {
  readonly retry: LaunchRetry
  readonly defaultProgram: string
  readonly holds: Holds
  readonly clock: Clock
  readonly random: Random
  /** Puts a task (back) into the gate. */
  readonly enqueue: (entry: T) => void
}

/** Programs that failed and are remembered; the oldest is forgotten first. */
const REMEMBERED = 1_024

/** All reasons for which launches fail now, and who waits for each. */
export class LaunchBlocks<T extends Launchable<T>> {
  readonly #options: LaunchBlocksOptions<T>
  readonly #programs: Map<string, LaunchBlock<T>> = new Map()
  readonly #failures: Map<string, number> = new Map()
  #resources: LaunchBlock<T> | null = null

  constructor(options: LaunchBlocksOptions<T>) {
    this.#options = options
  }

  /** What stands before this task now; null where it may be launched. */
  before(entry: T): LaunchBlock<T> | null {
    if (entry.probe || entry.program === null) return null
    return this.#resources ?? this.#programs.get(entry.program) ?? null
  }

  park(entry: T, block: LaunchBlock<T>): void {
    if (entry.block !== block) entry.block?.leave(entry)
    entry.block = block
    entry.probe = false
    block.park(entry)
  }

  /** True where the outcome is a failed launch that is not answered: the task is parked and will be tried again. */
  absorb(entry: T, outcome: Outcome): boolean {
    const fault = launchFault(outcome)
    const { program } = entry
    if (fault === null || fault === 'task' || program === null) return false
    if (fault === 'program' && entry.ownProgram && this.#answers(program)) return false
    const block = fault === 'program' ? this.#programBlock(program) : this.#resourceBlock()
    block.failed(detail(program, outcome))
    const former = entry.block
    this.park(entry, block)
    if (former !== null && former !== block) this.#dropEmpty(former)
    return true
  }

  /** The task's program runs: whatever stood before it is gone. */
  launched(entry: T): void {
    if (entry.program === null) return
    if (this.#failures.size > 0) this.#failures.delete(entry.program)
    const program = this.#programs.get(entry.program)
    if (program !== undefined && entry.launchedAt >= program.since) this.#clear(program)
    const resources = this.#resources
    if (resources !== null && entry.launchedAt >= resources.since) this.#clear(resources)
  }

  /** The task was answered or withdrawn. */
  leave(entry: T): void {
    const { block } = entry
    if (block === null) return
    entry.block = null
    entry.probe = false
    block.leave(entry)
    this.#dropEmpty(block)
  }

  /** A program that a task itself names may be that task's fault, a few times. */
  #answers(program: string): boolean {
    if (program === this.#options.defaultProgram || this.#programs.has(program)) return false
    const failures = (this.#failures.get(program) ?? 0) + 1
    if (this.#failures.size >= REMEMBERED && !this.#failures.has(program)) {
      const [oldest] = this.#failures.keys()
      if (oldest !== undefined) this.#failures.delete(oldest)
    }
    this.#failures.set(program, failures)
    return failures <= this.#options.retry.ownProgramFailures
  }

  #programBlock(program: string): LaunchBlock<T> {
    const existing = this.#programs.get(program)
    if (existing !== undefined) return existing
    const block = this.#block('binary', this.#options.retry.program, 0)
    this.#programs.set(program, block)
    return block
  }

  #resourceBlock(): LaunchBlock<T> {
    const { resources, resourcesHoldMs } = this.#options.retry
    this.#resources ??= this.#block('launch', resources, resourcesHoldMs)
    return this.#resources
  }

  #block(reason: string, probe: BackoffOptions, holdAfterMs: number): LaunchBlock<T> {
    const { holds, clock, random, enqueue } = this.#options
    return new LaunchBlock<T>({
      reason,
      probe,
      holdAfterMs,
      holds,
      clock,
      random,
      sendProbe: (entry) => {
        entry.probe = true
        enqueue(entry)
      },
    })
  }

  #dropEmpty(block: LaunchBlock<T>): void {
    if (block.empty) this.#clear(block)
  }

  #clear(block: LaunchBlock<T>): void {
    if (this.#resources === block) this.#resources = null
    for (const [program, one] of this.#programs) if (one === block) this.#programs.delete(program)
    for (const entry of block.clear()) {
      entry.block = null
      this.#options.enqueue(entry)
    }
  }
}

function detail(program: string, outcome: Outcome): string {
  const what = outcome.message ?? `${program} cannot be started (${outcome.errno ?? 'unknown reason'}).`
  return `${what} Its tasks wait, nothing is lost; they go on by themselves as soon as it can be started.`
}
