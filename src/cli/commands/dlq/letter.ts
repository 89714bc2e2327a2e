import { DEAD_LETTER_PREFIX } from '../../../flow/ends/index.ts'
import type { Header } from '../../../model/index.ts'

/** Counts how often a message was put back; kept with its own headers from death to death. */
export const REDRIVE_COUNT = 'drakkar-redrive-count'

/** Where a letter lies: in the dead-letter topic, or in a file. */
export type LetterPlace =
  | { readonly kind: 'topic'; readonly topic: string; readonly partition: number; readonly offset: number }
  | { readonly kind: 'file'; readonly path: string }

/** A record as it lies in the dead-letter topic, or in a file. */
export interface StoredLetter {
  readonly place: LetterPlace
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly Header[]
  /** Of the record; null where it has none. */
  readonly timestamp: number | null
}

/** A dead letter, read: the message that died, and why. What no header says is undefined. */
export interface Letter {
  readonly stored: StoredLetter
  /** The message's own headers, without those that the letter added; its null values are null again. */
  readonly headers: readonly Header[]
  readonly stage: string | undefined
  readonly reason: string | undefined
  readonly verdict: string | undefined
  readonly sink: string | undefined
  readonly stderr: Buffer | undefined
  /** Milliseconds since the epoch: when it died, else when its record was written. */
  readonly at: number | null
  /** The message's place in its source topic; undefined where the record is no dead letter. */
  readonly source: { readonly topic: string; readonly partition: number; readonly offset: number } | undefined
  /** How often it was put back. */
  readonly redrives: number
  /** Latest value of each header that the letter added, without its prefix, in order. */
  readonly facts: ReadonlyMap<string, Buffer | null>
}

/** Reads a record; anything can be read, as a record that is no dead letter has no facts. */
export function readLetter(stored: StoredLetter): Letter {
  const facts = new Map<string, Buffer | null>()
  for (const [name, value] of stored.headers) {
    if (!name.startsWith(DEAD_LETTER_PREFIX)) continue
    const fact = name.slice(DEAD_LETTER_PREFIX.length)
    // The latest place of a name, so that facts of the last death stand together at the end.
    facts.delete(fact)
    facts.set(fact, value)
  }
  const text = (fact: string): string | undefined => facts.get(fact)?.toString('utf8')
  const own = stored.headers.filter(([name]) => !name.startsWith(DEAD_LETTER_PREFIX))
  const nulls = nullPlaces(text('null-headers'))
  const died = Date.parse(text('at') ?? '')
  return {
    stored,
    headers: own.map(([name, value], index): Header => [name, nulls.has(index) ? null : value]),
    stage: text('stage'),
    reason: text('reason'),
    verdict: text('verdict'),
    sink: text('sink'),
    stderr: facts.get('stderr-tail') ?? undefined,
    at: Number.isNaN(died) ? stored.timestamp : died,
    source: sourceOf(text('topic'), text('partition'), text('offset')),
    redrives: redrivesOf(own),
    facts,
  }
}

/** `2:15`, or the path of the file. */
export function placeText(place: LetterPlace): string {
  return place.kind === 'file' ? place.path : `${place.partition}:${place.offset}`
}

/** `jobs/2/15`; `?` where the record does not say. */
export function sourceText(letter: Letter): string {
  const { source } = letter
  return source === undefined ? '?' : `${source.topic}/${source.partition}/${source.offset}`
}

function sourceOf(topic?: string, partition?: string, offset?: string): Letter['source'] {
  if (topic === undefined || topic === '' || !isWhole(partition) || !isWhole(offset)) return undefined
  return { topic, partition: Number(partition), offset: Number(offset) }
}

const isWhole = (text: string | undefined): boolean => text !== undefined && /^\d{1,16}$/.test(text)

function redrivesOf(headers: readonly Header[]): number {
  const value = headers.findLast(([name]) => name === REDRIVE_COUNT)?.[1]?.toString('latin1')
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : 0
}

/** The list is written by workers, but any record may lie in the topic. */
function nullPlaces(text: string | undefined): ReadonlySet<number> {
  if (text === undefined) return new Set()
  try {
    const list: unknown = JSON.parse(text)
    return new Set(Array.isArray(list) ? list.filter((one) => typeof one === 'number') : [])
  } catch {
    return new Set()
  }
}
