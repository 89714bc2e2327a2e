/** What a store holds against what it should hold. All counts are zero where each id is there once and nothing else is. */
export interface Tally {
  readonly missing: number
  readonly doubled: number
  readonly foreign: number
  /** Up to ten ids of each kind; thousands of lines of difference would push what came before out of a report. */
  readonly such: readonly string[]
}

export const EACH_ONCE: Tally = { missing: 0, doubled: 0, foreign: 0, such: [] }

/** For `expect(eachOnce(...)).toEqual(EACH_ONCE)`. */
export function eachOnce(found: Iterable<string>, expected: Iterable<string>): Tally {
  const counts = new Map<string, number>()
  for (const id of found) counts.set(id, (counts.get(id) ?? 0) + 1)
  const wanted = new Set(expected)
  const missing = [...wanted].filter((id) => !counts.has(id))
  const doubled = [...counts]
    .filter(([id, count]) => count > 1 && wanted.has(id))
    .map(([id, count]) => `${id} ${count} times`)
  const foreign = [...counts.keys()].filter((id) => !wanted.has(id))
  return {
    missing: missing.length,
    doubled: doubled.length,
    foreign: foreign.length,
    such: [missing, doubled, foreign].flatMap((ids) => ids.slice(0, 10)),
  }
}
