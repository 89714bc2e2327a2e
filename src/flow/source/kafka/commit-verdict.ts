import type { CommitAnswer, CommitRequest } from './driver.ts'

/**
 * `done`: the broker has it. `again`: may work later. `at-once`: it goes again without waiting longer than
 * usual. `stranger`: the group does not know us as we were:
 * partitions are lost, or the group is in another generation. `too-long`: the broker takes less metadata.
 */
export type CommitVerdict = 'done' | 'again' | 'at-once' | 'stranger' | 'too-long'

/** Try again: what stood in the way is out of it. */
const RETRY = -153
/** Illegal generation, unknown member, fenced instance, assignment lost. */
const STRANGER: ReadonlySet<number> = new Set([22, 25, 82, -142])
/** Metadata too large, commit request too large. */
const TOO_LONG: ReadonlySet<number> = new Set([12, 28])

/** What the broker's answer means. No answer, or one for another offset, says nothing: the commit is sent again. */
export function commitVerdict(request: CommitRequest, answer: CommitAnswer | undefined): CommitVerdict {
  if (answer === undefined) return 'again'
  if (answer.error === null) return answer.offset === request.offset ? 'done' : 'again'
  if (STRANGER.has(answer.error.errno)) return 'stranger'
  if (answer.error.errno === RETRY) return 'at-once'
  return TOO_LONG.has(answer.error.errno) ? 'too-long' : 'again'
}
