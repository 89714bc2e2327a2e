import type { BatchOptions, Sink } from '../../flow/sinks/index.ts'

/** A sink instance with its batch limits. */
export interface BuiltSink {
  readonly sink: Sink
  readonly batch: Partial<BatchOptions>
}

/** The batch limits that every kind of sink has in its configuration. */
export function limits(sink: {
  readonly lingerMs: number
  readonly maxBatchRecords: number
  readonly maxBatchBytes: number
}): Partial<BatchOptions> {
  return { lingerMs: sink.lingerMs, maxRecords: sink.maxBatchRecords, maxBytes: sink.maxBatchBytes }
}
