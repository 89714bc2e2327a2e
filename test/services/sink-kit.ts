import { expect } from 'vitest'
import type { RecordVerdict, Sink, SinkRecord } from '../../src/flow/sinks/index.ts'
import { until } from './chaos/until.ts'

export const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
export const signal: AbortSignal = new AbortController().signal
export const PLACED = { ok: true }

let ids = 0

/** A record as the delivery makes it, with an id of its own. */
export function recordFor(sink: Sink, payload: unknown, id?: string): SinkRecord {
  ids += 1
  return { id: id ?? `jobs:0:${ids}:0/${sink.kind}:${sink.name}/0`, payload: sink.accept(payload), assignment }
}

/** Delivers one batch; `ok`, or what went wrong, for each. */
export async function deliverOnce(sink: Sink, ...payloads: readonly unknown[]): Promise<readonly string[]> {
  const verdicts = await deliverOrFail(
    sink,
    payloads.map((payload) => recordFor(sink, payload)),
  )
  return verdicts.map((verdict) => (verdict.ok ? 'ok' : `${verdict.kind}: ${verdict.error.message}`))
}

/** Delivers all, again and again what may pass, as the delivery does; a record refused for good fails the test. */
export async function deliverAll(sink: Sink, records: readonly SinkRecord[], withinMs = 30_000): Promise<void> {
  let last: RecordVerdict | undefined
  for (let at = 0; at < records.length; at += 500) {
    let batch = records.slice(at, at + 500)
    await until(
      'a batch is taken',
      withinMs,
      async () => {
        const verdicts = await deliverOrFail(sink, batch)
        expect(verdicts.filter((verdict) => !verdict.ok && verdict.kind === 'permanent')).toEqual([])
        batch = batch.filter((_, index) => verdicts[index]?.ok !== true)
        last = verdicts.find((verdict) => !verdict.ok)
        return batch.length === 0
      },
      () => `${batch.length} records are left: ${last?.ok === false ? last.error.message : ''}`,
    )
  }
}

/** A sink that rejects has failed for its whole batch, and that may pass. */
async function deliverOrFail(sink: Sink, batch: readonly SinkRecord[]): Promise<readonly RecordVerdict[]> {
  try {
    return await sink.deliver(batch, signal)
  } catch (error) {
    return batch.map(() => ({ ok: false, kind: 'transient', error: error as Error }))
  }
}
