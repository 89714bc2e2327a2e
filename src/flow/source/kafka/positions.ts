import type { Watermarks } from './driver.ts'

/** Where to begin when nothing was ever committed. */
export type AutoOffsetReset = 'earliest' | 'latest'

/** What to do where the log does not hold the next offset: go on at the log's begin or end, or hold the partition. */
export type GapPolicy = 'earliest' | 'latest' | 'hold'

/** Offsets that can never be processed, `from` inclusive, `to` exclusive. */
export interface Expired {
  readonly from: number
  readonly to: number
}

/** Where an assignment begins. */
export interface StartPlan {
  /** A word where the log's ends are not known yet. */
  readonly start: number | AutoOffsetReset
  /** The commit's map holds for the log as it is. */
  readonly keepMap: boolean
  readonly expired: Expired | null
  /** The policy says to wait; reading begins when the log holds the offset. */
  readonly hold: boolean
}

/**
 * Decides where an assignment begins. A committed offset below the log's begin was overtaken by retention; one above its
 * end belongs to a log that is gone (a topic that was recreated, or truncated by an unclean election): then the map is
 * void, and `expired` is empty, since nobody can know what the old log still held. A recreated topic that has grown
 * beyond the committed offset already cannot be told from the old one.
 */
export function decideStart(of: {
  readonly committed: number | null
  /** Null where they could not be read; then the client reports what is out of range. */
  readonly marks: Watermarks | null
  readonly reset: AutoOffsetReset
  readonly onGap: GapPolicy
}): StartPlan {
  const { committed, marks, reset, onGap } = of
  if (committed === null) {
    const edge = reset === 'earliest' ? marks?.low : marks?.high
    return { start: edge ?? reset, keepMap: false, expired: null, hold: false }
  }
  const gap = marks === null ? null : gapAt(committed, marks)
  if (gap === null || marks === null) return { start: committed, keepMap: true, expired: null, hold: false }
  if (onGap === 'hold') return { start: committed, keepMap: gap === 'truncated', expired: null, hold: true }
  const start = onGap === 'earliest' ? marks.low : marks.high
  const expired = { from: committed, to: gap === 'truncated' ? start : committed }
  return { start, keepMap: gap === 'truncated', expired, hold: false }
}

/** What to do about a partition whose next offset is out of the log's range. */
export type GapStep =
  /** Go on at `to`, within the assignment. */
  | { readonly kind: 'seek'; readonly to: number; readonly expired: Expired }
  /** Another log stands there: begin anew at `start` with a new assignment, since positions never go back in one. */
  | { readonly kind: 'restart'; readonly start: number; readonly expired: Expired }
  /** The log holds the offset (again): go on there. */
  | { readonly kind: 'again'; readonly to: number }
  | { readonly kind: 'hold'; readonly detail: string }

/** Decides what to do about an offset that was reported as out of range; `next` is the offset that fetching stood at. */
export function decideGap(next: number, marks: Watermarks, onGap: GapPolicy): GapStep {
  const gap = gapAt(next, marks)
  if (gap === null) return { kind: 'again', to: next }
  if (onGap === 'hold') {
    return {
      kind: 'hold',
      detail:
        `offset ${next} is out of the log's range ${marks.low} to ${marks.high} ` +
        `(${gap === 'truncated' ? 'retention overtook the group' : 'the topic was recreated or truncated'}), ` +
        'and sources.kafka.on_offset_gap is hold: stop the group and reset its offsets, or set earliest or latest',
    }
  }
  const start = onGap === 'earliest' ? marks.low : marks.high
  return gap === 'truncated'
    ? { kind: 'seek', to: start, expired: { from: next, to: start } }
    : { kind: 'restart', start, expired: { from: next, to: next } }
}

function gapAt(offset: number, marks: Watermarks): 'truncated' | 'recreated' | null {
  if (offset < marks.low) return 'truncated'
  return offset > marks.high ? 'recreated' : null
}
