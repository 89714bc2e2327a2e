import type { Assignment } from '../../model/index.ts'

/** One payload on its way to one sink instance. */
export interface SinkRecord<Payload = unknown> {
  /** Deterministic: the same after every replay. Sinks use it to write only once. */
  readonly id: string
  readonly payload: Payload
  /** The partition that waits for it, with its owner counter (for sinks that can fence). */
  readonly assignment: Assignment
  /** With `delivery: atomic`: the offsets of all messages that end together with it, whatever else they bring. */
  readonly offsets?: readonly number[] | undefined
}

/**
 * What a sink says of one record. `permanent`: this record will be refused again, whoever sends it. `transient`: the
 * same record may be taken later.
 */
export type RecordVerdict =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly kind: 'transient' | 'permanent'
      readonly error: Error
      readonly retryAfterMs?: number
    }

/**
 * A place that results go to. The delivery calls `deliver` with one batch at a time per instance (unless its options say
 * otherwise) and waits for it. A batch that takes longer than the delivery's deadline is given up: its signal aborts, it
 * counts as failed, and the next call may come while it still runs; a sink that cannot bear that queues by itself.
 */
export interface Sink<Payload = unknown> {
  /** `kafka`, `files`, …: the key of `Outputs` that it serves. */
  readonly kind: string
  /** Name of the instance. */
  readonly name: string
  /**
   * The payload in the form that `deliver` gets, taken once, so that what the handler changes afterwards changes nothing.
   * Throws, with the reason for the handler's author, where it can never be delivered (wrong shape).
   */
  accept(payload: unknown): Payload
  /** Bytes of an accepted payload for batch limits; an estimate is enough. */
  size(payload: Payload): number
  /** Rejects, with what to do, where the sink cannot work (no such folder, no broker). */
  connect(): Promise<void>
  /** A verdict for each record, in order. Rejecting means `transient` for the whole batch. */
  deliver(batch: readonly SinkRecord<Payload>[], signal: AbortSignal): Promise<readonly RecordVerdict[]>
  /** Twice is fine. */
  close(): Promise<void>
}
