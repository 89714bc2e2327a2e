import { createHash } from 'node:crypto'
import type { SinkRecord } from '../sink.ts'
import type { HttpRecord } from './http-record.ts'

export type BatchFormat = 'none' | 'array' | 'envelope'

type Batch = readonly SinkRecord<HttpRecord>[]

/** A JSON list of the records, with their ids where the format has them. */
export function batchBody(batch: Batch, format: BatchFormat): Buffer {
  const parts: (string | Buffer)[] = []
  for (const { id, payload } of batch) {
    parts.push(parts.length === 0 ? '[' : ',')
    if (format === 'envelope') parts.push(`{"id":${JSON.stringify(id)},"data":`, payload.body ?? 'null', '}')
    else parts.push(payload.body ?? 'null')
  }
  return Buffer.concat([...parts, ']'].map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

/** The same for the same records in the same order; a replay may cut batches differently. */
export function batchId(batch: Batch): string {
  if (batch.length === 1) return batch[0]?.id ?? ''
  const hash = createHash('sha256')
  for (const { id } of batch) hash.update(id).update('\n')
  return `batch-${hash.digest('hex')}`
}

export function halves(batch: Batch): readonly [Batch, Batch] {
  const middle = Math.ceil(batch.length / 2)
  return [batch.slice(0, middle), batch.slice(middle)]
}
