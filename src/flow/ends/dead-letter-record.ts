import type { Death, Header } from '../../model/index.ts'
import type { OutgoingRecord } from '../sinks/index.ts'
import { boundedText, withoutCredentials } from './bounded-text.ts'
import type { DeadLetter } from './ends.ts'

/** All headers that a dead letter adds begin with this. */
export const DEAD_LETTER_PREFIX = 'drakkar-dl-'

const TEXT_BYTES = 1024
const STDERR_BYTES = 4096
const DEATHS_BYTES = 8192
/** Ids of payloads; a refusal of thousands needs no list of all. */
const IDS_BYTES = 2048
/** Of earlier deaths' headers, in a message that was put back and died again. */
const EARLIER_BYTES = 16_384
const NULL_HEADERS = 1000

/** What a dead letter says besides the message and its deaths. */
export interface DeadLetterMeta {
  /** Topic that it goes to. */
  readonly topic: string
  /** Name of the worker that gave the message up. */
  readonly worker: string
  /** When, milliseconds since the epoch. */
  readonly at: number
}

/**
 * The record of a dead letter. Key, value and headers are the source's, byte for byte, in order. After them come headers
 * that say why and where, bounded in size. Where a message was put back and died before, its earlier `drakkar-dl-*`
 * headers stay in front of the new ones (the newest 16 KiB), and `drakkar-dl-count` counts its deaths; the last header of
 * a name is the latest. A client that writes null headers as empty ones loses nothing: `drakkar-dl-null-headers` lists
 * the places of the source's null headers, from 0.
 */
export function deadLetterRecord(letter: DeadLetter, meta: DeadLetterMeta): OutgoingRecord {
  const { message } = letter
  const source = message.headers.filter(([name]) => !name.startsWith(DEAD_LETTER_PREFIX))
  const earlier = message.headers.filter(([name]) => name.startsWith(DEAD_LETTER_PREFIX))
  return {
    topic: meta.topic,
    key: message.key,
    value: message.value,
    headers: [...source, ...keptEarlier(earlier), ...deathHeaders(letter, meta, source, earlier)],
  }
}

function deathHeaders(
  { message, deaths }: DeadLetter,
  meta: DeadLetterMeta,
  source: readonly Header[],
  earlier: readonly Header[],
): Header[] {
  const first = deaths[0]
  const nulls = source.flatMap(([, value], index) => (value === null ? [index] : [])).slice(0, NULL_HEADERS)
  const fields: readonly (readonly [string, string | number | Buffer | null | undefined])[] = [
    ['stage', first?.stage],
    ['reason', first === undefined ? undefined : withoutCredentials(first.reason)],
    ['verdict', first?.verdict],
    ['exit-code', first?.exitCode],
    ['signal', first?.signal],
    ['stderr-tail', first?.stderrTail?.subarray(-STDERR_BYTES)],
    ['attempts', first?.attempts],
    ['task-id', first?.taskId],
    ['sink', first?.sink],
    ['payload-ids', idList(first?.payloadIds)],
    ['deaths', deaths.length > 1 ? deathList(deaths) : undefined],
    ['topic', message.topic],
    ['partition', message.partition],
    ['offset', message.offset],
    ['timestamp', message.timestamp],
    ['worker', meta.worker],
    ['at', new Date(meta.at).toISOString()],
    ['count', countOf(earlier) + 1],
    ['null-headers', nulls.length > 0 ? Buffer.from(JSON.stringify(nulls)) : undefined],
  ]
  return fields.flatMap(([name, value]): Header[] => {
    if (value === undefined || value === null) return []
    return [[DEAD_LETTER_PREFIX + name, Buffer.isBuffer(value) ? value : boundedText(String(value), TEXT_BYTES)]]
  })
}

/** The first ids as a JSON list of at most 2 KiB. */
function idList(ids: readonly string[] | undefined): Buffer | undefined {
  if (ids === undefined || ids.length === 0) return undefined
  let bytes = 2
  const fitting = ids.filter((id) => {
    bytes += Buffer.byteLength(JSON.stringify(id)) + 1
    return bytes <= IDS_BYTES
  })
  return Buffer.from(JSON.stringify(fitting), 'utf8')
}

/** All deaths as a JSON list of at most 8 KiB; where they do not fit the last entry is `{"omitted": n}`. */
function deathList(deaths: readonly Death[]): Buffer {
  const room = DEATHS_BYTES - '[,{"omitted":9007199254740991}]'.length
  const entries: string[] = []
  let bytes = 0
  for (const death of deaths) {
    const entry = JSON.stringify({
      stage: death.stage,
      reason: boundedText(withoutCredentials(death.reason), TEXT_BYTES / 4).toString('utf8'),
      taskId: death.taskId === undefined ? undefined : boundedText(death.taskId, TEXT_BYTES / 4).toString('utf8'),
      verdict: death.verdict,
      exitCode: death.exitCode,
      signal: death.signal,
      attempts: death.attempts,
      sink: death.sink,
    })
    bytes += Buffer.byteLength(entry) + 1
    if (bytes > room) break
    entries.push(entry)
  }
  if (entries.length < deaths.length) entries.push(JSON.stringify({ omitted: deaths.length - entries.length }))
  return Buffer.from(`[${entries.join(',')}]`, 'utf8')
}

/** The newest of them that fit; without their counts, which go on in the new one. */
function keptEarlier(earlier: readonly Header[]): Header[] {
  const kept: Header[] = []
  let bytes = 0
  for (const header of earlier.toReversed()) {
    const [name, value] = header
    if (name === `${DEAD_LETTER_PREFIX}count`) continue
    bytes += Buffer.byteLength(name) + (value?.length ?? 0)
    if (bytes > EARLIER_BYTES) break
    kept.push(header)
  }
  return kept.reverse()
}

function countOf(earlier: readonly Header[]): number {
  const value = earlier.findLast(([name]) => name === `${DEAD_LETTER_PREFIX}count`)?.[1]
  const text = value?.toString('latin1') ?? ''
  return /^\d{1,9}$/.test(text) ? Number(text) : 0
}
