import {
  type Assignment,
  DrakkarError,
  type HeadView,
  type Hold,
  type PauseReason,
  partitionKey,
  type RawMessage,
  type TopicPartition,
} from '../../model/index.ts'
import { DeadLetterFuse } from './dead-letter-fuse.ts'
import { headOf } from './head.ts'
import type { HoldRegistry } from './holds.ts'
import { Intake, type IntakeOptions } from './intake.ts'
import { Partition } from './partition.ts'
import type { PipelineParts } from './parts.ts'

/** What the flow does to the source that feeds it. */
export interface FlowSource {
  pause(assignment: Assignment, reason: PauseReason): void
  resume(assignment: Assignment, reason: PauseReason): void
}

export type FlowParts = PipelineParts & {
  readonly holds: HoldRegistry
  readonly intake: IntakeOptions
  readonly source: FlowSource
}

/** What the flow shows of one partition. */
export interface FlowPartitionView {
  readonly assignment: Assignment
  readonly inFlight: number
  readonly queued: number
  readonly bytes: number
  readonly holds: readonly Hold[]
  readonly head: HeadView | null
}

/** All partitions' pipelines: one for each assignment, made when it comes and drained when it goes. */
export class Flow {
  readonly #holds: HoldRegistry
  readonly #intake: Intake
  readonly #parts: PipelineParts
  readonly #source: FlowSource
  readonly #partitions = new Map<string, Partition>()
  readonly #fuse: DeadLetterFuse | null

  constructor({ intake, source, ...parts }: FlowParts) {
    this.#source = source
    this.#intake = new Intake(intake)
    this.#holds = parts.holds
    const { maxDead, atomic } = parts.options
    if (atomic === true && parts.hooks.has('onWindowComplete')) throw windowsError()
    this.#fuse = maxDead === undefined ? null : new DeadLetterFuse({ maxDead, clock: parts.clock, holds: parts.holds })
    this.#parts = {
      ...parts,
      ended: (assignment, offset, end) => {
        parts.ended(assignment, offset, end)
        this.#fuse?.ended(end)
      },
    }
    this.#holds.watch((at, reason, held) => this.#setHeld(at, reason, held))
  }

  #setHeld(at: TopicPartition, reason: string, held: boolean): void {
    const partition = this.#partitions.get(partitionKey(at))
    if (partition === undefined) return
    if (held) this.#source.pause(partition.assignment, `held:${reason}`)
    else this.#source.resume(partition.assignment, `held:${reason}`)
  }

  assigned(assignments: readonly Assignment[]): void {
    const { hooks } = this.#parts
    for (const assignment of assignments) {
      const key = partitionKey(assignment)
      this.#partitions.get(key)?.close()
      const account = this.#intake.open(
        (reason) => this.#source.pause(assignment, reason),
        (reason) => this.#source.resume(assignment, reason),
      )
      this.#partitions.set(key, new Partition(assignment, this.#parts, account))
      this.#fuse?.assigned(assignment)
    }
    // It announces its own failure, and no message depends on it.
    hooks.onAssign(assignments, new AbortController().signal).catch(() => undefined)
  }

  messages(assignment: Assignment, messages: readonly RawMessage[]): void {
    this.#current(assignment)?.admit(messages)
  }

  /** Resolves with true where everything that had started has ended by `deadline` (monotonic). */
  async revoked(
    assignments: readonly Assignment[],
    how: { readonly lost: boolean; readonly deadline: number },
  ): Promise<boolean> {
    const leaving = assignments
      .map((assignment) => this.#current(assignment))
      .filter((partition) => partition !== undefined)
    if (how.lost) for (const partition of leaving) partition.close()
    const drained = await Promise.all(leaving.map((partition) => partition.drain(how.deadline)))
    for (const partition of leaving) this.#forget(partition)
    const { hooks } = this.#parts
    if (assignments.length > 0) hooks.onRevoke(assignments, new AbortController().signal).catch(() => undefined)
    return !how.lost && drained.every(Boolean)
  }

  /** The worker stops: the same for all partitions at once; they stay known so that their ends can still be committed. */
  async drain(deadline: number): Promise<boolean> {
    this.#fuse?.stop()
    const drained = await Promise.all([...this.#partitions.values()].map((partition) => partition.drain(deadline)))
    return drained.every(Boolean)
  }

  /** Ends everything without waiting. */
  close(): void {
    this.#fuse?.stop()
    for (const partition of this.#partitions.values()) partition.close()
  }

  views(): readonly FlowPartitionView[] {
    const now = this.#parts.clock.monotonic()
    return [...this.#partitions.values()].map((partition) => ({
      assignment: partition.assignment,
      inFlight: partition.inFlight,
      queued: partition.queued,
      bytes: partition.account.bytes,
      holds: this.#holds.of(partition.assignment),
      head: headOf(partition, now),
    }))
  }

  /** Other marks of backpressure, from now on. */
  setMarks(marks: IntakeOptions): void {
    this.#intake.setMarks(marks)
  }

  /** Ends a task that runs or waits. `over`: its run has ended already. */
  cancelTask(id: string): 'cancelled' | 'over' | 'unknown' {
    for (const partition of this.#partitions.values()) {
      if (!partition.pending.has(id)) continue
      for (const tracked of partition.tasks) {
        if (tracked.task.id !== id) continue
        if (tracked.cancelWait !== null) {
          tracked.cancelWait()
          return 'cancelled'
        }
        if (tracked.run === undefined || tracked.run.state === 'ended') return 'over'
        return this.#parts.executor.cancelTask(id) ? 'cancelled' : 'over'
      }
    }
    return 'unknown'
  }

  #current(assignment: Assignment): Partition | undefined {
    const partition = this.#partitions.get(partitionKey(assignment))
    return partition?.assignment.epoch === assignment.epoch ? partition : undefined
  }

  #forget(partition: Partition): void {
    const key = partitionKey(partition.assignment)
    if (this.#partitions.get(key) !== partition) return
    this.#partitions.delete(key)
    this.#fuse?.forget(partition.assignment)
    this.#holds.clear(partition.assignment)
  }
}

function windowsError(): DrakkarError {
  return new DrakkarError('HANDLER_INVALID', 'delivery is atomic, and the handler has onWindowComplete', {
    advice:
      'A window delivers for all its messages, whatever became of each: use onMessageComplete, or set delivery to batch.',
  })
}
