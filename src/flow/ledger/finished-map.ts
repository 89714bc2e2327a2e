/** Offsets from `from` to `to`, both inclusive. */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/**
 * What is finished above a position: every offset from the position to `horizon` that no range covers. A range may cover
 * offsets that the log never held (compaction, transaction markers); that is harmless, since they never arrive.
 */
export interface FinishedMap {
  /** The highest offset that is known to be finished. */
  readonly horizon: number
  /** Unfinished ranges below the horizon: ascending, none touches the next. */
  readonly unfinished: readonly OffsetRange[]
}

/** What one commit says; position and map are from one moment, so they agree. */
export interface Snapshot {
  /** The first unfinished offset, or the next one to come: what is committed. */
  readonly offset: number
  /** Null where nothing above `offset` is finished. */
  readonly map: FinishedMap | null
  /** For `Ledger.acknowledged`. */
  readonly version: number
}
