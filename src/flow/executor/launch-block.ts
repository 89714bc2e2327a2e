import { type BackoffOptions, backoffMs, type Clock, Heap, type Random, type Timer } from '../../lib/index.ts'
import type { Assignment, Hold, Holds } from '../../model/index.ts'
import { goesBefore, type Priority } from './gate.ts'

/** A task that may have to wait before something that cannot be launched. */
export interface Parkable {
  readonly assignment: Assignment
  readonly priority: Priority
  readonly seq: number
  /** True while it stands in a block's queue. */
  parked: boolean
}

export interface LaunchBlockOptions<T> {
  readonly reason: string
  /** Partitions are held only when it has lasted this long, milliseconds. */
  readonly holdAfterMs: number
  readonly probe: BackoffOptions
  readonly holds: Holds
  readonly clock: Clock
  readonly random: Random
  /** Lets one task try whether it launches now. */
  readonly sendProbe: (entry: T) => void
}

interface Member {
  readonly assignment: Assignment
  tasks: number
  lift: (() => void) | null
}

/**
 * One reason for which launches fail that is no property of a task: a program that is missing, a machine that is full.
 * It collects the tasks that wait for it (its members, the one that tries included), holds their partitions, and lets
 * one at a time try.
 */
export class LaunchBlock<T extends Parkable> {
  /** When it began, on the monotonic clock. */
  readonly since: number
  readonly #options: LaunchBlockOptions<T>
  readonly #parked: Heap<T> = new Heap<T>(goesBefore)
  readonly #members: Set<T> = new Set()
  readonly #partitions: Map<number, Member> = new Map()
  #probes = 0
  #probing: T | null = null
  #timer: Timer | null = null
  #hold: Hold
  #holding = false

  constructor(options: LaunchBlockOptions<T>) {
    this.#options = options
    this.#hold = { reason: options.reason, detail: '' }
    this.since = options.clock.monotonic()
  }

  /** True where nobody waits for it: there is nothing to hold and nobody to try with. */
  get empty(): boolean {
    return this.#members.size === 0
  }

  /** Says why, after a launch failed; holds the partitions once that has lasted long enough. */
  failed(detail: string): void {
    this.#hold = { reason: this.#options.reason, detail }
    if (this.#holding || this.#options.clock.monotonic() - this.since < this.#options.holdAfterMs) return
    this.#holding = true
    for (const member of this.#partitions.values()) this.#place(member)
  }

  /** Takes a task that failed to launch, or that comes while nothing launches. */
  park(entry: T): void {
    if (this.#probing === entry) this.#probing = null
    entry.parked = true
    this.#parked.push(entry)
    if (!this.#members.has(entry)) this.#join(entry)
    this.#schedule()
  }

  /** A member leaves: it was withdrawn or answered. */
  leave(entry: T): void {
    if (!this.#members.delete(entry)) return
    entry.parked = false
    const member = this.#partitions.get(entry.assignment.epoch)
    if (member !== undefined) {
      member.tasks -= 1
      if (member.tasks === 0) {
        this.#partitions.delete(entry.assignment.epoch)
        member.lift?.()
      }
    }
    if (this.#probing !== entry) return
    this.#probing = null
    this.#schedule()
  }

  /** It launches again, or nobody waits any more: lifts every hold and hands back who was parked, in their order. */
  clear(): T[] {
    this.#timer?.cancel()
    this.#timer = null
    for (const member of this.#partitions.values()) member.lift?.()
    this.#partitions.clear()
    this.#members.clear()
    const waiting: T[] = []
    for (let entry = this.#parked.pop(); entry !== undefined; entry = this.#parked.pop()) {
      if (!entry.parked) continue
      entry.parked = false
      waiting.push(entry)
    }
    return waiting
  }

  #join(entry: T): void {
    this.#members.add(entry)
    const { epoch } = entry.assignment
    const member = this.#partitions.get(epoch) ?? { assignment: entry.assignment, tasks: 0, lift: null }
    this.#partitions.set(epoch, member)
    member.tasks += 1
    if (this.#holding) this.#place(member)
  }

  #place(member: Member): void {
    member.lift ??= this.#options.holds.place(member.assignment, this.#hold)
  }

  #schedule(): void {
    if (this.#timer !== null || this.#probing !== null || this.#members.size === 0) return
    this.#probes += 1
    const delay = backoffMs(this.#probes, this.#options.probe, this.#options.random)
    this.#timer = this.#options.clock.timer(delay, () => {
      this.#timer = null
      this.#probe()
    })
  }

  #probe(): void {
    for (let entry = this.#parked.pop(); entry !== undefined; entry = this.#parked.pop()) {
      if (!entry.parked) continue
      entry.parked = false
      this.#probing = entry
      this.#options.sendProbe(entry)
      return
    }
  }
}
