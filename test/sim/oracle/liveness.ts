import { partitionKey } from '../../../src/model/index.ts'
import { type Evidence, placeOf, type Violation } from '../facts.ts'
import { LIMITS } from '../world.ts'
import { entriesOf, proofs } from './digest.ts'

/** L1: with everything healed, every message ends and the group knows it. */
export function everythingEnds(evidence: Evidence): Violation[] {
  const { facts } = evidence
  if (facts.unfinished !== null) return [{ statement: 'L1', what: facts.unfinished }]
  const proved = proofs(evidence)
  return [...facts.messages.values()].flatMap(({ at, expected }) =>
    (proved.get(placeOf(at)) ?? null) === null
      ? [{ statement: 'L1', what: `nothing proves that it was ${expected.end}`, at }]
      : [],
  )
}

/** No worker breaks by itself, and none uses its ports as it must not. */
export function nobodyBreaks(evidence: Evidence): Violation[] {
  const broken = entriesOf(evidence, 'worker').filter((entry) => entry.what === 'failed')
  const misused = entriesOf(evidence, 'misuse')
  return [
    ...broken.map(({ client, detail, seq }) => ({ statement: 'L8', what: `${client} fails (#${seq}): ${detail}` })),
    ...misused.map(({ client, what, seq }) => ({ statement: 'port', what: `${client} (#${seq}): ${what}` })),
  ]
}

/** Slack for answers that are on their way, and for the last batch to the sinks, milliseconds. */
const SLACK_MS = 5_000

/** L6: partitions are given up, and workers stop, within their limits. */
export function drainsEnd({ history }: Evidence): Violation[] {
  const since = new Map<string, number>()
  const violations: Violation[] = []
  const ended = (key: string, time: number, limit: number): void => {
    const began = since.get(key)
    since.delete(key)
    if (began === undefined || time - began <= limit) return
    violations.push({ statement: 'L6', what: `${key} took ${Math.round(time - began)} ms, its limit is ${limit}` })
  }
  const giveUp = LIMITS.drainMs + LIMITS.revokeCommitMs + SLACK_MS
  const stop = LIMITS.stopMs + 2 * LIMITS.sourceStopMs + SLACK_MS
  for (const entry of history) {
    if (entry.type === 'revoking') {
      for (const at of entry.partitions) since.set(`${entry.client} giving up ${partitionKey(at)}`, entry.time)
    }
    if (entry.type === 'released') ended(`${entry.client} giving up ${partitionKey(entry.at)}`, entry.time, giveUp)
    if (entry.type !== 'worker') continue
    if (entry.what === 'stopping') since.set(`the stop of ${entry.client}`, entry.time)
    else if (entry.what === 'stopped') ended(`the stop of ${entry.client}`, entry.time, stop)
    else for (const key of [...since.keys()].filter((each) => each.includes(entry.client))) since.delete(key)
  }
  return violations
}
