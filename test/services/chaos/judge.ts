import type { Commit } from './commit-log.ts'
import type { Run } from './run-log.ts'

/** A message of the source topic, and what must become of it. */
export interface Job {
  readonly id: string
  readonly partition: number
  readonly offset: number
  /** A result; or a dead letter without a run; or a dead letter after failing runs. */
  readonly expected: 'result' | 'unreadable' | 'failing'
  /** Of the message's value. */
  readonly sum: string
}

export interface Result {
  readonly id: string
  readonly partition: number
  readonly offset: number
  readonly sum: string
  /** The `drakkar-id` header; of a line in a file null. */
  readonly recordId: string | null
}

/** A dead letter, by the place of the message that it stands for. */
export interface Letter {
  readonly partition: number
  readonly offset: number
  readonly sum: string
}

/** What topics, files, run log and group say when everything is over, and what was done to the workers. */
export interface Facts {
  readonly jobs: readonly Job[]
  readonly results: readonly Result[]
  readonly lines: readonly Result[]
  readonly letters: readonly Letter[]
  readonly runs: readonly Run[]
  readonly committed: readonly (number | null)[]
  readonly ends: readonly number[]
  /** What the broker took, in its order. */
  readonly commits: readonly Commit[]
  /** When which worker got SIGKILL. */
  readonly kills: readonly { readonly worker: number; readonly at: number }[]
  /** When the broker was away. */
  readonly outages: readonly { readonly from: number; readonly to: number }[]
  /** How long before the last commit that the group took a run may have ended and still miss in it, milliseconds. */
  readonly commitWindowMs: number
  /** How long before a kill the group may have taken no commit, milliseconds. */
  readonly blockedMs: number
  /** How long after an outage partitions may still be lost for it, milliseconds. */
  readonly outageTailMs: number
  /** Runs that one worker may give a failing job. */
  readonly attempts: number
}

/** Everything that is wrong, one line each; empty where all is well. */
export function judge(facts: Facts): readonly string[] {
  return [
    ...lost(facts),
    ...wrong(facts.jobs, facts.results, 'the result topic'),
    ...wrong(facts.jobs, facts.lines, 'the files'),
    ...wronglyBuried(facts),
    ...changedIds(facts.results),
    ...moreThanRuns(facts),
    ...needlessRuns(facts),
    ...uncommitted(facts),
  ]
}

const place = ({ partition, offset }: { partition: number; offset: number }): string => `${partition}:${offset}`

function lost({ jobs, results, lines, letters }: Facts): string[] {
  const inTopic = new Set(results.map(place))
  const inFiles = new Set(lines.map(place))
  const buried = new Set(letters.map(place))
  return jobs.flatMap((job) => {
    const at = place(job)
    if (job.expected !== 'result') return buried.has(at) ? [] : [`lost: ${job.id} at ${at} has no dead letter`]
    const missing = [...(inTopic.has(at) ? [] : ['result topic']), ...(inFiles.has(at) ? [] : ['files'])]
    return missing.length === 0 ? [] : [`lost: ${job.id} at ${at} is not in the ${missing.join(' and the ')}`]
  })
}

/** A result that no job asked for, that belongs to another one, or that must not be. */
function wrong(jobs: readonly Job[], results: readonly Result[], where: string): string[] {
  const byPlace = new Map(jobs.map((job) => [place(job), job]))
  return results.flatMap((result) => {
    const job = byPlace.get(place(result))
    if (job === undefined) return [`${where} has a result of ${place(result)}, where there is no message`]
    if (job.expected !== 'result') return [`${where} has a result of ${job.id}, which cannot have one`]
    return job.id === result.id && job.sum === result.sum
      ? []
      : [`${where} has a wrong result of ${job.id} at ${place(job)}: ${JSON.stringify(result)}`]
  })
}

function wronglyBuried({ jobs, letters }: Facts): string[] {
  const byPlace = new Map(jobs.map((job) => [place(job), job]))
  return letters.flatMap((letter) => {
    const job = byPlace.get(place(letter))
    if (job === undefined) return [`a dead letter names ${place(letter)}, where there is no message`]
    if (job.expected === 'result')
      return [`${job.id} at ${place(job)} is dead-lettered, though nothing is wrong with it`]
    return job.sum === letter.sum ? [] : [`the dead letter of ${job.id} at ${place(job)} does not hold its bytes`]
  })
}

function changedIds(results: readonly Result[]): string[] {
  const ids = new Map<string, string | null>()
  return results.flatMap((result) => {
    const first = ids.get(place(result))
    ids.set(place(result), result.recordId)
    return first === undefined || first === result.recordId
      ? []
      : [`the results of ${result.id} have different ids: ${first} and ${result.recordId}`]
  })
}

/** A result comes from a run: more results than finished runs are results that were delivered twice. */
function moreThanRuns({ jobs, results, runs, outages }: Facts): string[] {
  // While the broker is away a batch whose answer got lost may be sent again by another client.
  if (outages.length > 0) return []
  const finished = Map.groupBy(
    runs.filter(({ ended }) => ended !== null),
    ({ id }) => id,
  )
  const delivered = Map.groupBy(results, ({ id }) => id)
  return jobs.flatMap(({ id }) => {
    const [times, ran] = [delivered.get(id)?.length ?? 0, finished.get(id)?.length ?? 0]
    return times > ran ? [`${id} has ${times} results of ${ran} finished runs`] : []
  })
}

/** Each run but the first needs a reason: a failure, a worker that was killed before it could commit, or an outage. */
function needlessRuns(facts: Facts): string[] {
  const expected = new Map(facts.jobs.map((job) => [job.id, job.expected]))
  const partitions = new Map(facts.jobs.map((job) => [job.id, job.partition]))
  return [...Map.groupBy(facts.runs, ({ id }) => id)].flatMap(([id, runs]) => {
    const kind = expected.get(id)
    if (kind === undefined) return [`a program ran for ${id}, which no message asks for`]
    if (kind === 'unreadable') return [`a program ran for ${id}, which cannot be read`]
    return withoutReason(facts, runs, kind === 'failing' ? facts.attempts : 1, partitions.get(id) as number)
  })
}

/** `budget`: how often one owner of the partition may run it. */
function withoutReason(facts: Facts, runs: readonly Run[], budget: number, partition: number): string[] {
  let used = 0
  return runs.flatMap((run, index) => {
    const before = runs[index - 1]
    used += 1
    if (before === undefined || (before.worker === run.worker && used <= budget)) return []
    used = 1
    if (mayRepeat(facts, before, budget > 1, partition)) return []
    return [
      `${run.id} ran in ${before.worker} (ended ${before.ended}) and again in ${run.worker} (${run.started}), for no reason`,
    ]
  })
}

function mayRepeat(facts: Facts, run: Run, retried: boolean, partition: number): boolean {
  const { kills, outages, commitWindowMs, outageTailMs } = facts
  const killed = kills.find(({ worker }) => worker === run.worker)?.at
  // The wait before a retry holds a failing job open without a run.
  const window = commitWindowMs + (retried ? 1000 : 0)
  const ended = run.ended ?? Number.POSITIVE_INFINITY
  if (killed !== undefined && ended >= lastCommit(facts, partition, killed) - window) return true
  return outages.some(({ from, to }) => ended >= from - window && run.started <= to + outageTailMs)
}

/** When the group last took a commit of the partition before the worker was killed, and at most so long before. */
function lastCommit({ commits, blockedMs }: Facts, partition: number, killed: number): number {
  const taken = commits.findLast((commit) => commit.partition === partition && commit.at <= killed)
  return Math.max(killed - blockedMs, taken?.at ?? 0)
}

function uncommitted({ committed, ends, commits }: Facts): string[] {
  const logged = new Set(commits.map(({ partition }) => partition))
  return ends.flatMap((end, partition) => {
    const last = committed[partition] ?? 0
    if (last !== end) return [`partition ${partition}: committed ${committed[partition]} of ${end}`]
    // Or the log was not understood, and everything might be excused by what is missing in it.
    return end > 0 && !logged.has(partition) ? [`partition ${partition}: its commits are not in the broker's log`] : []
  })
}
