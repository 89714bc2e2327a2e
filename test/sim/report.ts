import type { HistoryEntry } from '../../src/testing/index.ts'
import { type Evidence, placeOf, type Violation } from './facts.ts'

/** What a red seed says: the seed, what does not hold, and everything that happened to the message. */
export function describe(evidence: Evidence, violations: readonly Violation[]): string {
  const { seed } = evidence.facts
  const first = violations[0] as Violation
  const all = violations
    .slice(0, 8)
    .map(({ statement, what, at }) => `  ${statement} ${at ? `${placeOf(at)}: ` : ''}${what}`)
  const more = violations.length > 8 ? [`  … and ${violations.length - 8} more`] : []
  const shown =
    first.at === undefined ? evidence.history.slice(-40) : evidence.history.filter((entry) => concerns(entry, first))
  const plan = first.at === undefined ? undefined : evidence.facts.messages.get(placeOf(first.at))?.plan
  return [
    `seed ${seed} breaks ${first.statement} (replay: ${evidence.facts.transactional ? 'SIM_TXN_SEED' : 'SIM_SEED'}=${seed} npx vitest run --project sim)`,
    ...all,
    ...more,
    ...(plan === undefined ? [] : [`plan: ${JSON.stringify(plan)}`]),
    first.at === undefined ? 'the end of its history:' : `history of ${placeOf(first.at)}:`,
    ...shown.map((entry) => `  ${line(entry)}`),
  ].join('\n')
}

/** The whole history, one line an event. */
export function trace(evidence: Evidence): string {
  return evidence.history.map(line).join('\n')
}

function concerns(entry: HistoryEntry, { at }: Violation): boolean {
  if (at === undefined) return true
  const here = (where: { topic: string; partition: number }): boolean =>
    where.topic === at.topic && where.partition === at.partition
  switch (entry.type) {
    case 'produced':
    case 'polled':
    case 'ended':
      return placeOf(entry.record) === placeOf(at)
    case 'run-started':
    case 'run-ended':
    case 'hook':
      return entry.messages.some((message) => placeOf(message) === placeOf(at))
    case 'acknowledged':
      return entry.id.startsWith(`${placeOf(at)}:`) || entry.id.startsWith(`${placeOf(at)}/`)
    case 'commit':
    case 'commit-sent':
    case 'owned':
    case 'released':
    case 'gap':
    case 'truncated':
      return here(entry.at)
    case 'revoking':
      return entry.partitions.some(here)
    case 'worker':
    case 'fault':
    case 'misuse':
    case 'member':
    case 'generation':
    case 'recreated':
      return true
    case 'commit-answered':
      return entry.error !== null
    default: {
      const unknown: never = entry
      return unknown
    }
  }
}

function line({ seq, time, type, ...rest }: HistoryEntry): string {
  const client = 'client' in rest ? rest.client : ''
  const fields = Object.entries(rest).flatMap(([name, value]) => (name === 'client' ? [] : `${name}=${text(value)}`))
  return `#${seq} ${(time / 1000).toFixed(3)}s ${client} ${type} ${fields.join(' ')}`
}

function text(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(text).join(' ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const { topic, partition, offset } = value as { topic?: string; partition?: number; offset?: number }
  if (topic !== undefined && partition !== undefined)
    return offset === undefined ? `${topic}:${partition}` : `${topic}:${partition}:${offset}`
  return JSON.stringify(value)
}
