import { type Evidence, placeOf, type Violation } from '../facts.ts'
import type { MessagePlan } from '../plan.ts'

/**
 * A1: with `delivery: atomic` no payload of a message that dies by its plan (and not by a refusal of its sink) is ever
 * acknowledged, and none of any message before all its tasks that are to end ok have done so.
 */
export function nothingHalf(evidence: Evidence): Violation[] {
  const { facts, history } = evidence
  if (!facts.atomic) return []
  const ok = new Set<string>()
  const violations: Violation[] = []
  for (const entry of history) {
    if (entry.type === 'run-ended' && entry.verdict === 'ok') ok.add(entry.task)
    if (entry.type !== 'acknowledged') continue
    const place = /^([^:]+:\d+:\d+)[:/]/.exec(entry.id)?.[1]
    const message = place === undefined ? undefined : facts.messages.get(place)
    if (message === undefined) continue
    const { at, plan, expected } = message
    const refused = plan.tasks.some((task) => task.refused)
    if (expected.end === 'dead' && !refused)
      violations.push({ statement: 'A1', what: `${entry.id} is acknowledged (#${entry.seq}) and its message dies`, at })
    const early = expected.tasks.find((id) => !isKnown(plan, id, placeOf(at)) && !ok.has(id))
    if (early !== undefined)
      violations.push({
        statement: 'A1',
        what: `${entry.id} is acknowledged (#${entry.seq}) before ${early} is ok`,
        at,
      })
  }
  return violations
}

/** Its result is known: no program runs for it. */
function isKnown(plan: MessagePlan, id: string, place: string): boolean {
  return plan.tasks[Number(id.slice(place.length + 1).split('/')[0])]?.precomputed === true && !id.includes('/r')
}
