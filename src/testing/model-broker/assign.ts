import { partitionKey, type TopicPartition } from '../../model/index.ts'

/** A member as the assignor sees it. */
export interface Claim {
  readonly member: string
  readonly topics: readonly string[]
  /** What the member said it owns when it joined. */
  readonly owned: readonly TopicPartition[]
}

/**
 * Cooperative sticky assignment: balanced, members keep what they have as far as balance allows, and a partition that
 * has to move is given to nobody in this round: its owner first gives it up and joins again.
 */
export function assign(
  claims: readonly Claim[],
  partitionsOf: (topic: string) => readonly TopicPartition[],
): ReadonlyMap<string, readonly TopicPartition[]> {
  const sorted = claims.toSorted((a, b) => (a.member < b.member ? -1 : 1))
  const given = new Map<string, TopicPartition[]>(sorted.map((claim) => [claim.member, []]))
  const owner = new Map<string, string>()
  for (const claim of sorted) for (const at of claim.owned) owner.set(partitionKey(at), claim.member)
  const topics = [...new Set(sorted.flatMap((claim) => claim.topics))].toSorted()
  const all = topics.flatMap((topic) => partitionsOf(topic))
  const eligible = (at: TopicPartition): Claim[] => sorted.filter((claim) => claim.topics.includes(at.topic))
  const most = Math.ceil(all.length / Math.max(1, sorted.length))
  let withMost = all.length - (most - 1) * sorted.length
  const homeless: TopicPartition[] = []
  for (const at of all) {
    const member = owner.get(partitionKey(at))
    const list = member === undefined ? undefined : given.get(member)
    const room = list === undefined ? 0 : list.length < most - 1 ? 1 : list.length < most && withMost > 0 ? 2 : 0
    if (room === 0 || list === undefined || !eligible(at).some((claim) => claim.member === member)) homeless.push(at)
    else {
      list.push(at)
      if (room === 2) withMost -= 1
    }
  }
  for (const at of homeless) {
    const candidates = eligible(at).map((claim) => claim.member)
    const least = candidates.reduce<string | undefined>(
      (best, member) => (best === undefined || size(given, member) < size(given, best) ? member : best),
      undefined,
    )
    const before = owner.get(partitionKey(at))
    if (least !== undefined && (before === undefined || before === least)) given.get(least)?.push(at)
    else if (least !== undefined) reserve(given, least)
  }
  return new Map([...given].map(([member, list]) => [member, list.filter((at) => at.partition >= 0)]))
}

function size(given: ReadonlyMap<string, readonly TopicPartition[]>, member: string): number {
  return given.get(member)?.length ?? 0
}

/** Keeps a place free for a partition that is still with its former owner, so that the rest is balanced around it. */
function reserve(given: Map<string, TopicPartition[]>, member: string): void {
  given.get(member)?.push({ topic: '', partition: -1 })
}
