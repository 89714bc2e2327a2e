import { type Evidence, placeOf, type Violation } from '../facts.ts'
import { entriesOf, originOf } from './digest.ts'

/** S5: within an assignment a task that ended ok is not run again, and nothing runs for a message that has ended. */
export function noSecondRun({ history }: Evidence): Violation[] {
  const done = new Set<string>()
  const ended = new Set<string>()
  const violations: Violation[] = []
  for (const entry of history) {
    if (entry.type === 'run-ended' && entry.verdict === 'ok') done.add(`${entry.client} ${entry.epoch} ${entry.task}`)
    if (entry.type === 'ended') ended.add(`${entry.client} ${entry.epoch} ${placeOf(entry.record)}`)
    if (entry.type !== 'run-started') continue
    const at = entry.messages[0]
    const after = entry.messages.find((message) => ended.has(`${entry.client} ${entry.epoch} ${placeOf(message)}`))
    if (done.has(`${entry.client} ${entry.epoch} ${entry.task}`)) {
      violations.push({
        statement: 'S5',
        what: `${entry.task} runs again (#${entry.seq}) after it was ok`,
        ...(at && { at }),
      })
    }
    if (after !== undefined)
      violations.push({
        statement: 'S5',
        what: `${entry.task} runs (#${entry.seq}) after its message ended`,
        at: after,
      })
  }
  return violations
}

/** S7: an id stands for one payload, in every replay. (In windows it does so only where the handler gives it.) */
export function idsAreStable(evidence: Evidence): Violation[] {
  const payloads = new Map<string, string>()
  const violations: Violation[] = []
  for (const { id, payload, seq } of entriesOf(evidence, 'acknowledged')) {
    if (id.includes('/w/')) continue
    const text = JSON.stringify(payload)
    const before = payloads.get(id) ?? text
    payloads.set(id, text)
    if (before !== text) violations.push({ statement: 'S7', what: `${id} is ${before}, then ${text} (#${seq})` })
  }
  return violations
}

/** R3: at no moment does a worker run more programs than it has slots. */
export function withinSlots(evidence: Evidence): Violation[] {
  const running = new Map<string, number>()
  const violations: Violation[] = []
  for (const entry of evidence.history) {
    if (entry.type === 'worker' && entry.what === 'started') running.set(entry.client, 0)
    if (entry.type !== 'run-started' && entry.type !== 'run-ended') continue
    const now = (running.get(entry.client) ?? 0) + (entry.type === 'run-started' ? 1 : -1)
    running.set(entry.client, now)
    if (now <= evidence.facts.slots) continue
    violations.push({
      statement: 'R3',
      what: `${entry.client} runs ${now} programs (#${entry.seq}) in ${evidence.facts.slots} slots`,
    })
  }
  return violations
}

/** S9: every dead letter is, byte for byte, a message of the source that was to die. */
export function lettersAreEqual({ facts }: Evidence): Violation[] {
  const violations: Violation[] = []
  for (const letter of facts.deadLetters) {
    const origin = facts.messages.get(originOf(letter.headers))
    if (origin === undefined) {
      violations.push({
        statement: 'S9',
        what: `dead letter ${letter.offset} is of no message: ${originOf(letter.headers)}`,
      })
      continue
    }
    const { record, at } = origin
    const headers = letter.headers.filter(([name]) => !name.startsWith('drakkar-dl-'))
    const same =
      sameBytes(letter.key, record.key) &&
      sameBytes(letter.value, record.value) &&
      headersText(headers) === headersText(record.headers)
    if (!same) violations.push({ statement: 'S9', what: `dead letter ${letter.offset} differs from its message`, at })
  }
  return violations
}

/** S10: within an assignment a task runs no more often than its budget allows. */
export function withinBudget(evidence: Evidence): Violation[] {
  const runs = new Map<string, number>()
  const violations: Violation[] = []
  for (const { client, epoch, task, seq, messages } of entriesOf(evidence, 'run-started')) {
    const key = `${client} ${epoch} ${task}`
    const count = (runs.get(key) ?? 0) + 1
    runs.set(key, count)
    const at = messages[0]
    if (count === evidence.facts.maxRetries + 2) {
      violations.push({ statement: 'S10', what: `${task} runs ${count} times (#${seq})`, ...(at && { at }) })
    }
  }
  return violations
}

/** S10: a task that fails and is to be repeated uses its whole budget before its message dies. */
export function wholeBudget(evidence: Evidence): Violation[] {
  const runs = new Map<string, number>()
  const violations: Violation[] = []
  for (const entry of evidence.history) {
    if (entry.type === 'run-started') {
      const key = `${entry.client} ${entry.epoch} ${entry.task}`
      runs.set(key, (runs.get(key) ?? 0) + 1)
    }
    if (entry.type !== 'ended' || entry.kind !== 'dead') continue
    const plan = evidence.facts.messages.get(placeOf(entry.record))?.plan
    plan?.tasks.forEach((task, index) => {
      if (task.failures !== 'always' || task.onError !== 'retry') return
      const count = runs.get(`${entry.client} ${entry.epoch} ${placeOf(entry.record)}:${index}`) ?? 0
      if (count === evidence.facts.maxRetries + 1) return
      violations.push({
        statement: 'S10',
        what: `dies after ${count} runs of its task ${index} (#${entry.seq})`,
        at: entry.record,
      })
    })
  }
  return violations
}

/** S11: every message ends as its own plan says, whatever its neighbours do. */
export function failsAlone(evidence: Evidence): Violation[] {
  const { facts } = evidence
  const violations: Violation[] = []
  for (const { record, kind, seq } of entriesOf(evidence, 'ended')) {
    const expected = facts.messages.get(placeOf(record))?.expected.end
    if (kind === expected) continue
    violations.push({ statement: 'S11', what: `ends as ${kind} (#${seq}), by its plan it is ${expected}`, at: record })
  }
  for (const letter of facts.deadLetters) {
    const origin = facts.messages.get(originOf(letter.headers))
    if (origin === undefined || origin.expected.end === 'dead') continue
    violations.push({
      statement: 'S11',
      what: `has a dead letter (${letter.offset}), by its plan it is ${origin.expected.end}`,
      at: origin.at,
    })
  }
  return violations
}

/** S12: within an assignment each completion hook answers once for each of its subjects, and before the message ends. */
export function hooksFireOnce(evidence: Evidence): Violation[] {
  const answers = new Map<string, number>()
  const violations: Violation[] = []
  for (const entry of evidence.history) {
    if (entry.type === 'hook' && entry.answer === 'ok') {
      const subjects = entry.hook === 'on_task_complete' ? [entry.task] : entry.messages.map(placeOf)
      for (const subject of subjects) {
        const key = `${entry.client} ${entry.epoch} ${entry.hook} ${subject}`
        const count = (answers.get(key) ?? 0) + 1
        answers.set(key, count)
        if (count !== 2) continue
        const at = entry.messages[0]
        violations.push({
          statement: 'S12',
          what: `${entry.hook} is called again for ${subject} (#${entry.seq})`,
          ...(at && { at }),
        })
      }
    }
    if (entry.type === 'ended' && entry.kind === 'delivered') {
      const due = ['on_message_complete', ...(evidence.facts.windows ? ['on_window_complete'] : [])]
      for (const hook of due) {
        if (answers.has(`${entry.client} ${entry.epoch} ${hook} ${placeOf(entry.record)}`)) continue
        violations.push({ statement: 'S12', what: `ends (#${entry.seq}) without ${hook}`, at: entry.record })
      }
    }
  }
  return violations
}

/** S12: `onError` is asked once for each failed run and each failed `onTaskComplete`, no more. */
export function errorsAskedOnce(evidence: Evidence): Violation[] {
  const failures = new Map<string, number>()
  const asked = new Map<string, number>()
  const violations: Violation[] = []
  for (const entry of evidence.history) {
    const failed =
      (entry.type === 'run-ended' && entry.verdict !== 'ok') ||
      (entry.type === 'hook' && entry.hook === 'on_task_complete' && entry.answer === 'threw')
    if (failed) {
      const key = `${entry.client} ${entry.epoch} ${entry.task}`
      failures.set(key, (failures.get(key) ?? 0) + 1)
    }
    if (entry.type !== 'hook' || entry.hook !== 'on_error') continue
    const key = `${entry.client} ${entry.epoch} ${entry.task}`
    const count = (asked.get(key) ?? 0) + 1
    asked.set(key, count)
    if (count <= (failures.get(key) ?? 0)) continue
    violations.push({ statement: 'S12', what: `on_error is asked ${count} times for ${entry.task} (#${entry.seq})` })
  }
  return violations
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

function headersText(headers: readonly (readonly [string, Buffer | null])[]): string {
  return JSON.stringify(headers.map(([name, value]) => [name, value?.toString('base64') ?? null]))
}
