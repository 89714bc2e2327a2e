import type { Clock } from '../../lib/index.ts'
import { reasonOf } from '../../model/index.ts'
import type { RecordVerdict, Sink, SinkRecord } from './sink.ts'

/**
 * Gives a sink one batch and answers a verdict for each record; never rejects. A sink that throws, answers something
 * else than one verdict per record, or takes longer than `timeoutMs` has failed for all of them, and that may pass. What
 * it answers after the deadline is ignored, so a record can be in the sink and still be sent again: at least once.
 */
export async function ask(
  sink: Sink,
  batch: readonly SinkRecord[],
  timeoutMs: number,
  clock: Clock,
): Promise<readonly RecordVerdict[]> {
  const abort = new AbortController()
  const { promise: late, resolve } = Promise.withResolvers<readonly RecordVerdict[]>()
  const timer = clock.timer(timeoutMs, () => {
    const error = new Error(`no answer within ${timeoutMs / 1000} s`)
    abort.abort(error)
    resolve(failure(batch.length, error))
  })
  try {
    return await Promise.race([answer(sink, batch, abort.signal), late])
  } finally {
    timer.cancel()
  }
}

async function answer(
  sink: Sink,
  batch: readonly SinkRecord[],
  signal: AbortSignal,
): Promise<readonly RecordVerdict[]> {
  try {
    const verdicts: unknown = await sink.deliver(batch, signal)
    if (Array.isArray(verdicts) && verdicts.length === batch.length && verdicts.every(isVerdict)) return verdicts
    const what = Array.isArray(verdicts) ? `${verdicts.length} answers` : 'no list'
    return failure(batch.length, new Error(`the sink is broken: ${what} for ${batch.length} records`))
  } catch (error) {
    return failure(batch.length, error instanceof Error ? error : new Error(reasonOf(error)))
  }
}

function isVerdict(value: unknown): value is RecordVerdict {
  if (typeof value !== 'object' || value === null || !('ok' in value)) return false
  if (value.ok === true) return true
  if (value.ok !== false || !('kind' in value) || !('error' in value)) return false
  return (value.kind === 'transient' || value.kind === 'permanent') && value.error instanceof Error
}

function failure(records: number, error: Error): readonly RecordVerdict[] {
  return Array.from({ length: records }, () => ({ ok: false, kind: 'transient', error }))
}
