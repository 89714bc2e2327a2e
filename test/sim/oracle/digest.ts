import { decodeMetadata } from '../../../src/flow/ledger/index.ts'
import { partitionKey, type TopicPartition } from '../../../src/model/index.ts'
import type { HistoryEntry, HistoryEvent } from '../../../src/testing/index.ts'
import { type Evidence, type MessageFacts, placeOf } from '../facts.ts'

/** An entry of one kind. */
export type Entry<Type extends HistoryEvent['type']> = Extract<HistoryEntry, { type: Type }>

/** A commit that the broker took. */
export interface Accepted {
  readonly commit: Entry<'commit'>
  /** When the client made it up: what it says must have been true then. */
  readonly sentAt: number
  /** Null where the metadata was made for this offset; else why it does not count. */
  readonly damaged: string | null
  /** True where the group is told that this offset is finished. */
  readonly says: (offset: number) => boolean
}

/** One time that a client worked on a partition, as its own end of the line sees it. */
export interface Ownership {
  readonly client: string
  readonly at: TopicPartition
  readonly from: number
  /** Sequence of its end; infinite while it lasts. */
  to: number
  /** What the group held when the client took it. */
  readonly owned: Entry<'owned'>
  lost: boolean
}

export function entriesOf<Type extends HistoryEvent['type']>(evidence: Evidence, type: Type): Entry<Type>[] {
  return evidence.history.filter((entry): entry is Entry<Type> => entry.type === type)
}

export function messagesOf({ facts }: Evidence, at: TopicPartition): MessageFacts[] {
  return [...facts.messages.values()].filter((each) => partitionKey(each.at) === partitionKey(at))
}

/** All commits that the broker took, in its order. */
export function accepted(evidence: Evidence): Accepted[] {
  const sent = new Map<string, number>()
  const commits: Accepted[] = []
  for (const entry of evidence.history) {
    if (entry.type === 'commit-sent') sent.set(`${entry.request} ${partitionKey(entry.at)}`, entry.seq)
    if (entry.type !== 'commit' || entry.error !== null) continue
    const sentAt = sent.get(`${entry.request} ${partitionKey(entry.at)}`) ?? entry.seq
    commits.push({ commit: entry, sentAt, ...readMetadata(entry) })
  }
  return commits
}

function readMetadata({ at, offset, metadata }: Entry<'commit'>): Pick<Accepted, 'damaged' | 'says'> {
  const decoding = decodeMetadata(at, offset, metadata)
  if (!decoding.ok) return { damaged: decoding.reason, says: (asked) => asked < offset }
  const { map } = decoding.value
  const unfinished = (asked: number): boolean =>
    map?.unfinished.some(({ from, to }) => asked >= from && asked <= to) ?? false
  return {
    damaged: null,
    says: (asked) => asked < offset || (map !== null && asked <= map.horizon && !unfinished(asked)),
  }
}

/** Who worked on what, from taking it to giving it up (or to the crash). */
export function ownerships({ history }: Evidence): Ownership[] {
  const all: Ownership[] = []
  const open = (client: string, at?: TopicPartition): Ownership[] =>
    all.filter(
      (each) =>
        each.client === client &&
        each.to === Number.POSITIVE_INFINITY &&
        (at === undefined || partitionKey(each.at) === partitionKey(at)),
    )
  for (const entry of history) {
    if (entry.type === 'owned') {
      const to = Number.POSITIVE_INFINITY
      all.push({ client: entry.client, at: entry.at, from: entry.seq, to, owned: entry, lost: false })
    }
    const ended =
      entry.type === 'released'
        ? open(entry.client, entry.at)
        : entry.type === 'worker' && entry.what === 'crashed'
          ? open(entry.client)
          : []
    for (const each of ended) {
      each.to = entry.seq
      each.lost = entry.type !== 'released' || entry.lost
    }
  }
  return all
}

/** When there was proof outside of the worker that the message had its end; null where there never was. */
export function proofs(evidence: Evidence): ReadonlyMap<string, number | null> {
  const traces = new Traces(evidence)
  return new Map([...evidence.facts.messages].map(([place, message]) => [place, traces.proof(message)]))
}

/** First moments of everything that proves an end. */
class Traces {
  readonly #evidence: Evidence
  readonly #acknowledged = new Map<string, number>()
  readonly #completed = new Map<string, number>()
  readonly #messageHooks = new Map<string, number>()
  readonly #skipped = new Map<string, number>()
  readonly #buried: ReadonlyMap<string, number>
  /** By message: the tasks that it shared with others, or had alone, in the order of their completion. */
  readonly #tasksOf = new Map<string, Set<string>>()
  readonly #windows = new Map<string, { readonly seq: number; readonly id: string }[]>()

  constructor(evidence: Evidence) {
    this.#evidence = evidence
    this.#buried = burials(evidence)
    for (const entry of evidence.history) {
      if (entry.type === 'acknowledged') first(this.#acknowledged, entry.id, entry.seq)
      if (entry.type === 'hook') this.#hook(entry)
    }
  }

  proof({ at, plan, expected }: MessageFacts): number | null {
    const place = placeOf(at)
    const needed: (number | undefined)[] = [
      ...expected.tasks.map((id) => this.#completed.get(id)),
      ...expected.payloads.map((id) => this.#acknowledged.get(id)),
    ]
    if (expected.end === 'dead') needed.push(this.#buried.get(place))
    if (expected.end === 'dropped') needed.push(this.#skipped.get(place))
    if (plan.kind === 'joined') needed.push(this.#joined(place))
    if (plan.kind === 'joined' || plan.kind === 'tasks') {
      if (plan.messageHookThrows !== 'always') needed.push(this.#messageHooks.get(place))
      if (this.#evidence.facts.windows) needed.push(this.#window(place))
    }
    return needed.some((seq) => seq === undefined) ? null : Math.max(-1, ...(needed as number[]))
  }

  #hook(entry: Entry<'hook'>): void {
    for (const message of entry.messages) {
      const place = placeOf(message)
      if (entry.answer === 'skip') first(this.#skipped, place, entry.seq)
      if (entry.answer !== 'ok') continue
      if (entry.hook === 'on_message_complete') first(this.#messageHooks, place, entry.seq)
      if (entry.hook === 'on_window_complete') {
        list(this.#windows, place).push({ seq: entry.seq, id: windowPayload(entry, this.#evidence.facts.sink) })
      }
      if (entry.hook === 'on_task_complete') {
        const tasks = this.#tasksOf.get(place) ?? new Set<string>()
        this.#tasksOf.set(place, tasks.add(entry.task))
      }
    }
    if (entry.hook === 'on_task_complete' && entry.answer === 'ok') first(this.#completed, entry.task, entry.seq)
  }

  #joined(place: string): number | undefined {
    const done = [...(this.#tasksOf.get(place) ?? [])].flatMap((task) => {
      return this.#acknowledged.get(`${task}/${this.#evidence.facts.sink}/0`) ?? []
    })
    return done.length === 0 ? undefined : Math.min(...done)
  }

  #window(place: string): number | undefined {
    const done = (this.#windows.get(place) ?? []).flatMap(({ seq, id }) => {
      const acknowledged = this.#acknowledged.get(id)
      return acknowledged === undefined ? [] : Math.max(seq, acknowledged)
    })
    return done.length === 0 ? undefined : Math.min(...done)
  }
}

function windowPayload({ messages }: Entry<'hook'>, sink: string): string {
  const head = messages[0]
  const last = messages.at(-1)
  return head === undefined || last === undefined ? '' : `${placeOf(head)}-${last.offset}/w/${sink}/0`
}

/** When the first dead letter of each message was written. */
function burials(evidence: Evidence): ReadonlyMap<string, number> {
  const { facts } = evidence
  const origins = new Map(facts.deadLetters.map((letter) => [letter.offset, originOf(letter.headers)]))
  const buried = new Map<string, number>()
  for (const entry of entriesOf(evidence, 'produced')) {
    const origin = entry.record.topic === facts.deadLetterTopic ? origins.get(entry.record.offset) : undefined
    if (origin !== undefined) first(buried, origin, entry.seq)
  }
  return buried
}

/** The place that a dead letter says it comes from. */
export function originOf(headers: readonly (readonly [string, Buffer | null])[]): string {
  const last = (name: string): string =>
    headers.findLast((header) => header[0] === `drakkar-dl-${name}`)?.[1]?.toString() ?? ''
  return `${last('topic')}:${last('partition')}:${last('offset')}`
}

function first<Key>(map: Map<Key, number>, key: Key, seq: number): void {
  if (!map.has(key)) map.set(key, seq)
}

export function list<Key, Value>(map: Map<Key, Value[]>, key: Key): Value[] {
  const values = map.get(key) ?? []
  map.set(key, values)
  return values
}
