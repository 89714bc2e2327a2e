import { partitionKey, type TopicPartition } from '../../../src/model/index.ts'
import { type Evidence, placeOf, type Violation } from '../facts.ts'
import { accepted, entriesOf, messagesOf, ownerships, proofs } from './digest.ts'

/** S1: what a commit says is finished had its end, with proof outside of the worker, when the commit was made up. */
export function noLoss(evidence: Evidence): Violation[] {
  const proved = proofs(evidence)
  const violations: Violation[] = []
  for (const { commit, sentAt, says } of accepted(evidence)) {
    for (const { at, expected } of messagesOf(evidence, commit.at)) {
      if (!says(at.offset)) continue
      const proof = proved.get(placeOf(at)) ?? null
      if (proof !== null && proof < sentAt) continue
      const what = `${commit.client} commits it as finished (#${commit.seq}), but nothing proves that it was ${expected.end}`
      violations.push({ statement: 'S1', what, at })
    }
  }
  return violations
}

/** S1: one end for each message of an assignment. */
export function oneEnd(evidence: Evidence): Violation[] {
  const seen = new Map<string, string>()
  const violations: Violation[] = []
  for (const { client, epoch, record, kind } of entriesOf(evidence, 'ended')) {
    const key = `${client} ${epoch} ${placeOf(record)}`
    const before = seen.get(key)
    if (before !== undefined)
      violations.push({ statement: 'S1', what: `ends twice: ${before}, then ${kind}`, at: record })
    seen.set(key, kind)
  }
  return violations
}

/** S2: a commit never passes a message of which no worker has said that it ended. */
export function noHole(evidence: Evidence): Violation[] {
  const ended = new Map<string, number>()
  for (const { record, seq } of entriesOf(evidence, 'ended')) {
    if (!ended.has(placeOf(record))) ended.set(placeOf(record), seq)
  }
  const violations: Violation[] = []
  for (const { commit, sentAt } of accepted(evidence)) {
    for (const { at } of messagesOf(evidence, commit.at)) {
      if (at.offset >= commit.offset || (ended.get(placeOf(at)) ?? Number.POSITIVE_INFINITY) < sentAt) continue
      violations.push({
        statement: 'S2',
        what: `the commit of ${commit.offset} (#${commit.seq}) passes it unfinished`,
        at,
      })
    }
  }
  return violations
}

/** S3: committed offsets never go down, and who takes a partition starts where the group says. */
export function neverDown(evidence: Evidence): Violation[] {
  const last = new Map<string, number>()
  const violations: Violation[] = []
  for (const { commit } of accepted(evidence)) {
    const key = partitionKey(commit.at)
    const before = last.get(key) ?? 0
    if (commit.offset < before) {
      violations.push({
        statement: 'S3',
        what: `${key}: ${commit.client} commits ${commit.offset} (#${commit.seq}) after ${before}`,
      })
    }
    last.set(key, commit.offset)
  }
  for (const { at, client, from, to, owned } of ownerships(evidence)) {
    const { start, committed, seq } = owned
    // A worker that stops may be given a partition; it answers anything and works on nothing.
    if (start === (committed ?? 0) || !worked(evidence, client, at, from, to)) continue
    violations.push({
      statement: 'S3',
      what: `${partitionKey(at)}: ${client} starts at ${start} (#${seq}), the group holds ${committed}`,
    })
  }
  return violations
}

function worked(evidence: Evidence, client: string, at: TopicPartition, from: number, to: number): boolean {
  return evidence.history.slice(from, Math.min(to, evidence.history.length)).some((entry) => {
    if (entry.type === 'commit-sent') return entry.client === client && partitionKey(entry.at) === partitionKey(at)
    if (entry.type !== 'hook' && entry.type !== 'run-started') return false
    return entry.client === client && entry.messages.some((message) => partitionKey(message) === partitionKey(at))
  })
}

/** S4: the metadata of every commit was made for the offset it stands beside. */
export function oneSnapshot(evidence: Evidence): Violation[] {
  return accepted(evidence).flatMap(({ commit, damaged }) =>
    damaged === null
      ? []
      : [
          {
            statement: 'S4',
            what: `${partitionKey(commit.at)}: commit of ${commit.offset} (#${commit.seq}): ${damaged}`,
          },
        ],
  )
}

/** S8: who has given a partition up, and knows it, commits nothing of it and starts nothing for it. */
export function formerOwnersAreQuiet(evidence: Evidence): Violation[] {
  const entitled = new Set<string>()
  const violations: Violation[] = []
  for (const entry of evidence.history) {
    if (entry.type === 'generation') {
      for (const { client, partitions } of entry.assignment) {
        for (const at of partitions) entitled.add(`${client} ${partitionKey(at)}`)
      }
    }
    if (entry.type === 'released') entitled.delete(`${entry.client} ${partitionKey(entry.at)}`)
    if (entry.type === 'revoking' && entry.lost) {
      for (const at of entry.partitions) entitled.delete(`${entry.client} ${partitionKey(at)}`)
    }
    if (entry.type === 'commit-sent' && !entitled.has(`${entry.client} ${partitionKey(entry.at)}`)) {
      violations.push({
        statement: 'S8',
        what: `${entry.client} commits ${partitionKey(entry.at)} (#${entry.seq}) without owning it`,
      })
    }
    if (entry.type === 'run-started') {
      const at = entry.messages[0]
      if (at === undefined || entitled.has(`${entry.client} ${partitionKey(at)}`)) continue
      violations.push({
        statement: 'S8',
        what: `${entry.client} starts ${entry.task} (#${entry.seq}) for a partition it gave up`,
        at,
      })
    }
    if (entry.type === 'ended' && !entitled.has(`${entry.client} ${partitionKey(entry.record)}`)) {
      violations.push({
        statement: 'S8',
        what: `${entry.client} ends it (#${entry.seq}) after it gave its partition up`,
        at: entry.record,
      })
    }
  }
  return violations
}

/** S6: what the group was told is finished never runs again; after a clean handover that is everything that had ended. */
export function noNeedlessRun(evidence: Evidence): Violation[] {
  const told = accepted(evidence)
  const violations: Violation[] = []
  for (const owner of ownerships(evidence)) {
    const known = told.filter(({ commit }) => {
      return partitionKey(commit.at) === partitionKey(owner.at) && commit.seq < owner.from
    })
    for (const run of entriesOf(evidence, 'run-started')) {
      if (run.client !== owner.client || run.seq < owner.from || run.seq > owner.to) continue
      for (const at of run.messages) {
        if (partitionKey(at) !== partitionKey(owner.at)) continue
        const by = known.find(({ says }) => says(at.offset))
        if (by === undefined) continue
        const what = `${owner.client} runs ${run.task} (#${run.seq}), although the group knew that it had ended (#${by.commit.seq})`
        violations.push({ statement: 'S6', what, at })
      }
    }
  }
  return violations
}

/** S6: a partition that was given up in peace, with commits that went through, leaves nothing to be done again. */
export function cleanHandover(evidence: Evidence): Violation[] {
  const told = accepted(evidence)
  const violations: Violation[] = []
  for (const owner of ownerships(evidence)) {
    if (owner.lost || owner.to === Number.POSITIVE_INFINITY || commitTrouble(evidence, owner.client, owner.to)) continue
    const last = told.findLast(
      ({ commit }) => partitionKey(commit.at) === partitionKey(owner.at) && commit.seq < owner.to,
    )
    for (const { record, client, seq } of entriesOf(evidence, 'ended')) {
      if (client !== owner.client || seq < owner.from || seq > owner.to) continue
      if (partitionKey(record) !== partitionKey(owner.at) || (last?.says(record.offset) ?? false)) continue
      const what = `${client} gives its partition up (#${owner.to}) without having committed it, though nothing was in the way`
      violations.push({ statement: 'S6', what, at: record })
    }
  }
  return violations
}

/** How far back a failed commit counts as a reason, milliseconds. */
const TROUBLE_MS = 15_000

function commitTrouble({ history, facts }: Evidence, client: string, until: number): boolean {
  const end = history[until]?.time ?? 0
  const sent = new Map<number, boolean>()
  for (const entry of history) {
    if (entry.seq > until || entry.time < end - TROUBLE_MS) continue
    if (entry.type === 'fault' && entry.what !== 'healed') return true
    if (entry.type === 'commit-sent' && entry.client === client)
      sent.set(entry.request, sent.get(entry.request) ?? false)
    if (entry.type === 'commit-answered' && entry.client === client) sent.set(entry.request, entry.error === null)
  }
  // Where the map is cut to its budget, what lies above its horizon runs again by design.
  return [...sent.values()].includes(false) || facts.smallBudget
}
