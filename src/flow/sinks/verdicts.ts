import type { RecordVerdict } from './sink.ts'

/** What a sink instance has shown so far. */
export interface SinkRecordOfService {
  /** Permanent refusals since the last record that it took. */
  readonly refusals: number
  /** Attempts in which it took at least one record. */
  readonly successes: number
}

/**
 * What becomes of a record: placed; refused for good; kept, because the sink refuses everything and so its refusal says
 * nothing about the record; or tried again, because the failure may pass.
 */
export type Decision = 'placed' | 'refused' | 'kept' | 'again'

export interface Judgement extends SinkRecordOfService {
  /** One for each verdict, in order. */
  readonly decisions: readonly Decision[]
  /** What the attempt says of the sink. */
  readonly sink: 'worked' | 'failed' | 'refused'
}

/**
 * Decides what the verdicts of one attempt mean. A refusal counts as one of the record where the sink took another record
 * of the attempt, or took one since it first refused this record (`keptAt`: the successes at that time; -1 where it never
 * did), or while there are fewer than `threshold` refusals in a row. So a sink that refuses everything costs at most
 * `threshold - 1` records, and a bad record among good ones never waits.
 */
export function judge(
  verdicts: readonly RecordVerdict[],
  keptAt: readonly number[],
  service: SinkRecordOfService,
  threshold: number,
): Judgement {
  if (verdicts.some((verdict) => verdict.ok)) {
    const decisions = verdicts.map((verdict): Decision => {
      if (verdict.ok) return 'placed'
      return verdict.kind === 'permanent' ? 'refused' : 'again'
    })
    return { decisions, sink: 'worked', refusals: 0, successes: service.successes + 1 }
  }
  let refusals = service.refusals
  const decisions = verdicts.map((verdict, index): Decision => {
    if (verdict.ok || verdict.kind === 'transient') return 'again'
    const kept = keptAt[index] ?? -1
    if (kept >= 0 && service.successes > kept) return 'refused'
    refusals += 1
    return refusals < threshold ? 'refused' : 'kept'
  })
  const sink = decisions.includes('kept') ? 'refused' : decisions.includes('again') ? 'failed' : 'worked'
  return { decisions, sink, refusals, successes: service.successes }
}
