import { partitionKey } from '../../../src/model/index.ts'
import type { RecordAt } from '../../../src/testing/index.ts'
import { type Evidence, placeOf, type Violation } from '../facts.ts'
import { type Accepted, accepted, type Entry, entriesOf, list, originOf } from './digest.ts'

/**
 * T1: in transactional worlds each payload is in the topic once, each message that dies has one letter there and nothing
 * else, and a message that shares a task does so once.
 */
export function exactlyOnce(evidence: Evidence): Violation[] {
  const { facts } = evidence
  if (!facts.transactional) return []
  const violations: Violation[] = []
  const payloads = new Map<string, number[]>()
  for (const { id, seq } of entriesOf(evidence, 'acknowledged')) list(payloads, id).push(seq)
  for (const [id, seqs] of payloads) {
    if (seqs.length > 1)
      violations.push({ statement: 'T1', what: `${id} is in the topic ${seqs.length} times (#${seqs.join(', #')})` })
  }
  const letters = Map.groupBy(facts.deadLetters, ({ headers }) => originOf(headers))
  const tasks = messagesOfTasks(evidence)
  for (const { at, plan } of facts.messages.values()) {
    const place = placeOf(at)
    const count = letters.get(place)?.length ?? 0
    if (count > 1) violations.push({ statement: 'T1', what: `${count} dead letters`, at })
    const visible = [...payloads.keys()].filter((id) => id.startsWith(`${place}:`) || id.startsWith(`${place}/`))
    if (count > 0 && visible.length > 0)
      violations.push({ statement: 'T1', what: `a dead letter, and ${visible.join(', ')} beside it`, at })
    if (plan.kind !== 'joined') continue
    const shared = [...tasks].filter(
      ([task, messages]) =>
        payloads.has(`${task}/${facts.sink}/0`) && messages.some((message) => placeOf(message) === place),
    )
    if (shared.length > 1) {
      const names = shared.map(([task]) => task).join(' and ')
      violations.push({ statement: 'T1', what: `the results of ${names} are both there`, at })
    }
  }
  return violations
}

/** T2: with what becomes visible, the group is told in the same moment that all messages that it stands for are finished. */
export function visibleWithItsEnd(evidence: Evidence): Violation[] {
  if (!evidence.facts.transactional) return []
  const violations: Violation[] = []
  const tasks = messagesOfTasks(evidence)
  const commits = new Map(accepted(evidence).map((each) => [each.commit.seq, each]))
  const says = new Map<string, Accepted>()
  let shown: Entry<'acknowledged'>[] = []
  for (const entry of evidence.history) {
    if (entry.type === 'acknowledged') shown.push(entry)
    const commit = commits.get(entry.seq)
    if (commit !== undefined) says.set(partitionKey(commit.commit.at), commit)
    const next = evidence.history[entry.seq + 1]
    if (shown.length === 0 || ['acknowledged', 'produced', 'commit'].includes(next?.type ?? '')) continue
    for (const { id, seq } of shown) {
      const untold = messagesOf(id, tasks).filter((at) => says.get(partitionKey(at))?.says(at.offset) !== true)
      for (const at of untold)
        violations.push({ statement: 'T2', what: `${id} is visible (#${seq}) and it is not told to be finished`, at })
    }
    shown = []
  }
  return violations
}

function messagesOf(id: string, tasks: ReadonlyMap<string, readonly RecordAt[]>): readonly RecordAt[] {
  const task = id.slice(0, id.lastIndexOf('/kafka:'))
  const known = tasks.get(task)
  if (known !== undefined) return known
  const [topic = '', partition, offset] = task.slice(0, task.lastIndexOf('/')).split(':')
  return [{ topic, partition: Number(partition), offset: Number(offset) }]
}

function messagesOfTasks(evidence: Evidence): ReadonlyMap<string, readonly RecordAt[]> {
  const tasks = new Map<string, readonly RecordAt[]>()
  for (const { hook, task, messages } of entriesOf(evidence, 'hook')) {
    if (hook === 'on_task_complete') tasks.set(task, messages)
  }
  return tasks
}
