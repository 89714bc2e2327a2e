import type { Assignment, Outputs } from '../../model/index.ts'

/** A payload that knows its sink instance. */
export interface RoutedRecord {
  /** `<prefix>/<kind>:<name>/<n>`: the same after every replay. */
  readonly id: string
  /** `kafka`, `files`, … */
  readonly kind: string
  /** Name of the instance. */
  readonly sink: string
  readonly payload: unknown
  /** Bytes, an estimate of its sink; 0 where it is left out. */
  readonly size?: number
  readonly assignment: Assignment
}

/** A record that its sink refused for good: permanently, while the sink takes others. */
export interface Refusal {
  readonly record: RoutedRecord
  readonly error: Error
  readonly attempts: number
}

/** Routes outputs to the configured sink instances and gets them there, in batches across tasks and partitions. */
export interface Delivery {
  /** Connects all sinks at once; where one fails, those that connected are closed and the first error is thrown. */
  connect(): Promise<void>
  /**
   * Gives each payload its sink instance and its id. Throws an error for the handler's author where a kind is not
   * configured, an instance is unknown or ambiguous, or a payload has a wrong shape; then nothing was delivered.
   * `offsets`: with `delivery: atomic` those of all messages that end together with the payloads.
   */
  route(
    outputs: Outputs,
    idPrefix: string,
    assignment: Assignment,
    offsets?: readonly number[],
  ): readonly RoutedRecord[]
  /**
   * Resolves when every record is acknowledged or refused for good; answers the refusals. A sink that is away or
   * refuses everything is no refusal: its partitions are held and it is tried again until it works or `signal` aborts.
   * After an abort it resolves with what is known; the caller ignores it.
   */
  deliver(records: readonly RoutedRecord[], signal: AbortSignal): Promise<readonly Refusal[]>
  views(): readonly {
    readonly kind: string
    readonly name: string
    readonly connected: boolean
    readonly pending: number
  }[]
  /** Sends what is queued (bounded by `timeoutMs`), closes the sinks. Twice is fine. */
  close(timeoutMs: number): Promise<void>
}
