import type { OffsetRange, Snapshot } from './finished-map.ts'

/** What a commit says: its offset and map. */
export type Said = Pick<Snapshot, 'offset' | 'map'>

/** Whether it calls the offset finished: whoever starts from it does not run that message again. */
export function saysDone({ offset, map }: Said, at: number): boolean {
  if (at < offset) return true
  if (map === null || at > map.horizon) return false
  return !covers(map.unfinished, at)
}

/** The same with these offsets unfinished, and nothing else changed. */
export function without(said: Said, offsets: readonly number[]): Said {
  const hidden = offsets.filter((offset) => saysDone(said, offset))
  if (hidden.length === 0) return said
  const offset = hidden.reduce((lowest, at) => Math.min(lowest, at), said.offset)
  const known = said.map?.unfinished ?? []
  const unfinished = merged([...known, ...hidden.map((at) => ({ from: at, to: at }))])
  let horizon = said.map?.horizon ?? said.offset - 1
  // A map ends with a finished offset.
  for (let last = unfinished.at(-1); last !== undefined && last.to >= horizon; last = unfinished.at(-1)) {
    horizon = Math.min(horizon, last.from - 1)
    unfinished.pop()
  }
  return { offset, map: horizon < offset ? null : { horizon, unfinished } }
}

function covers(ranges: readonly OffsetRange[], at: number): boolean {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle] as OffsetRange).to < at) low = middle + 1
    else high = middle
  }
  const range = ranges[low]
  return range !== undefined && range.from <= at
}

/** Ascending, and those that touch joined. */
function merged(ranges: readonly OffsetRange[]): OffsetRange[] {
  const result: OffsetRange[] = []
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1)
    if (last === undefined || range.from > last.to + 1) result.push(range)
    else if (range.to > last.to) result[result.length - 1] = { from: last.from, to: range.to }
  }
  return result
}
