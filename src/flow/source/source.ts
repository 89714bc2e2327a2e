import type { Assignment, End, PauseReason, RawMessage } from '../../model/index.ts'

/** What a source tells; `worker.ts` connects it to the pipelines. */
export interface SourceListener {
  /** Partitions are owned from now on; their first messages come after this returns. */
  assigned(assignments: readonly Assignment[]): void
  /** Messages of one assignment, in offset order. Must not throw. */
  messages(assignment: Assignment, messages: readonly RawMessage[]): void
  /**
   * Partitions are being given up. Resolve when everything of them that was running has ended, or at `deadline`
   * (monotonic milliseconds of the clock), with true where nothing was left running. With `lost` they belong to someone
   * else already: drop everything, nothing can be committed.
   */
  revoked(
    assignments: readonly Assignment[],
    how: { readonly lost: boolean; readonly deadline: number },
  ): Promise<boolean>
  /** The source cannot go on; the worker ends with this error. */
  failed(error: Error): void
}

/** What the source shows of one owned partition. */
export interface SourcePartitionView {
  readonly assignment: Assignment
  readonly position: number
  readonly committed: number | null
  readonly paused: readonly PauseReason[]
  /** True once the broker acknowledged that it is ours; before, nothing is delivered. */
  readonly claimed: boolean
  /** Why the last commit was not taken, and for how long none has been; null where they are. */
  readonly commitFailure: { readonly error: string; readonly forMs: number } | null
  /** The offset after the log's last, as of the last fetch; null where the source cannot tell. */
  readonly end: number | null
  /** Since its last records came, milliseconds; null before the first. */
  readonly lastFetchMs: number | null
}

/**
 * Where messages come from. A source delivers each message of an assignment once, keeps what was ended, and makes it
 * durable before it gives the partition up.
 */
export interface Source {
  /** Connects and starts to deliver. Rejects where that cannot work (no broker, no such topic). */
  start(listener: SourceListener): Promise<void>
  /** Stops and resumes the intake of one assignment. Reasons add up; an assignment that is gone is ignored. */
  pause(assignment: Assignment, reason: PauseReason): void
  resume(assignment: Assignment, reason: PauseReason): void
  /** The message has its end: its offset is done. Ignored where the assignment is gone. */
  ended(assignment: Assignment, offset: number, end: End): void
  /** Quiet: nothing new is delivered from now on, for all partitions. What is under way can still be ended. */
  quiesce(): void
  /**
   * Makes durable what was ended, gives everything up, disconnects. The caller has drained before. Twice is fine. Rejects,
   * when all of that is over, where something that had ended could not be made durable.
   */
  stop(): Promise<void>
  partitions(): readonly SourcePartitionView[]
  /** For how long no broker has been connected, milliseconds; null where one is, or where that cannot be known. */
  brokersAwayMs(): number | null
  /** What the server forbids this source, and what to do; null while it can do its work. */
  denied(): string | null
}
