/** When a batch goes out and how large it may be. */
export interface BatchOptions {
  /** How long the first record of a batch waits for others, milliseconds. 0: until the current turn is done. */
  readonly lingerMs: number
  /** Least time from one batch to the next, milliseconds; a full one does not wait, nor the first after a rest. */
  readonly paceMs: number
  readonly maxRecords: number
  /** A record larger than this goes alone. */
  readonly maxBytes: number
  /** Batches that may be under way at the same time. */
  readonly inFlight: number
}

/** Where nothing else is configured: no linger (Kafka's producer lingers itself), 500 records, 1 MiB, one at a time. */
export const DEFAULT_BATCH: BatchOptions = {
  lingerMs: 0,
  paceMs: 0,
  maxRecords: 500,
  maxBytes: 1024 * 1024,
  inFlight: 1,
}

/** Whether a record still fits into a batch of so many records and bytes; into an empty one every record does. */
export function fits(records: number, bytes: number, size: number, options: BatchOptions): boolean {
  return records === 0 || (records < options.maxRecords && bytes + size <= options.maxBytes)
}

/** Milliseconds until the next batch should go out, for a queue that is not empty; 0 means now. `lastAt`: the batch before. */
export function batchDelay(
  queue: { readonly records: number; readonly bytes: number; readonly oldestAt: number },
  lastAt: number,
  now: number,
  { lingerMs, paceMs, maxRecords, maxBytes }: BatchOptions,
): number {
  if (queue.records >= maxRecords || queue.bytes >= maxBytes) return 0
  return Math.max(0, queue.oldestAt + lingerMs - now, lastAt + paceMs - now)
}
