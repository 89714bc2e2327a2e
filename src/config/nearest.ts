/** Edits (insert, delete, replace) that make one text of the other. */
export function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const replace = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[right.length] ?? 0
}

const plain = (name: string): string => name.toLowerCase().replace(/[_-]/g, '')

/** Whether two names differ in spelling only: `maxExecutors`, `MAX-EXECUTORS`. */
export const isSameName = (left: string, right: string): boolean => plain(left) === plain(right)

/** The name most like the given one, in any spelling (`maxExecutors`, `MAX-EXECUTORS`), where one is near enough to be meant. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const meant = plain(name).slice(0, 64)
  let best: string | undefined
  let least = Math.ceil(meant.length / 3) + 1
  for (const candidate of candidates) {
    const distance = editDistance(meant, plain(candidate))
    if (distance < least) {
      best = candidate
      least = distance
    }
  }
  return best
}
