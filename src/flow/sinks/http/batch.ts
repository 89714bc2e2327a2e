import { createHash } from 'node:crypto'
import type { SinkRecord } from '../sink.ts'
import type { HttpRecord } from './http-record.ts'

export type BatchFormat = 'none' | 'array' | 'envelope'

type Batch = readonly SinkRecord<HttpRecord>[]

/** A JSON list of the records, with their ids where the format has them. */
export function batchBody(batch: Batch, format: BatchFormat): string {
  const parts = batch.map(({ id, payload }) => {
    const json = String(payload.body ?? 'null')
    return format === 'envelope' ? `{"id":${JSON.stringify(id)},"data":${json}}` : json
  })
  return `[${parts.join(',')}]`
}

/** The same for the same records in the same order; a replay may cut batches differently. */
export function batchId(batch: Batch): string {
  if (batch.length === 1) return batch[0]?.id ?? ''
  const ids = batch.map(({ id }) => `${id}\n`).join('')
  return `batch-${createHash('sha256').update(ids).digest('hex')}`
}

export function halves(batch: Batch): readonly [Batch, Batch] {
  const middle = Math.ceil(batch.length / 2)
  return [batch.slice(0, middle), batch.slice(middle)]
}
