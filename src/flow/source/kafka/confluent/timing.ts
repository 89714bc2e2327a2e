/** How long the adapter waits for brokers, all in milliseconds. */
export interface Timing {
  /** Until the first broker must have answered. Default 10,000. */
  readonly connectMs: number
  /** For committed offsets, watermarks, metadata, seeks. Default 10,000. */
  readonly requestMs: number
  /** For the broker's answer to a commit; then it is given up as retriable. Default 10,000. */
  readonly commitMs: number
  /** For each call about a transaction; where it may still work it is called again. Default 10,000. */
  readonly transactionMs: number
  /** For each step of closing a consumer: a rebalance under way, leaving the group. Default 30,000. */
  readonly closeMs: number
}

export const DEFAULT_TIMING: Timing = {
  connectMs: 10_000,
  requestMs: 10_000,
  commitMs: 10_000,
  transactionMs: 10_000,
  closeMs: 30_000,
}
