import { crc32 } from 'node:zlib'
import type { TopicPartition } from '../../model/index.ts'
import type { FinishedMap, OffsetRange, Snapshot } from './finished-map.ts'
import { VarintReader, varintSize, writeVarint } from './varint.ts'

/** Characters of metadata in a commit; brokers take 4,096 bytes unless set otherwise. */
export const METADATA_BUDGET = 3000
/** With fewer characters not even the owner counter has room. */
export const SMALLEST_METADATA_BUDGET = 64

const PREFIX = 'v1;'
// Self-delimited: clients add a NUL or cut the last character, so nothing that counts stands at the end.
const SUFFIX = ';~'
const FORMAT = /^v1;([\w-]+);~?\0?$/
const LONGEST = 4096
const CHECKSUM_BYTES = 4

/** What the metadata of a commit says. */
export interface DecodedMetadata {
  /** The owner counter of who committed. */
  readonly owner: number
  readonly map: FinishedMap | null
}

export interface EncodedMetadata {
  readonly metadata: string
  /** Share of the budget that the whole map needs, 0 to 1; 1 where it did not fit. */
  readonly fill: number
}

export type Decoding =
  | { readonly ok: true; readonly value: DecodedMetadata }
  /** Not ours, of another place, or damaged: use the plain offset. */
  | { readonly ok: false; readonly reason: string }

/**
 * Metadata for the commit of this snapshot: `v1;<base64url>;~`, of checksum, owner counter, horizon and unfinished
 * ranges. Where the map does not fit the budget (characters), the horizon is lowered to the first range that does not:
 * what is finished above it runs again after a crash, and nothing is skipped that was not finished.
 */
export function encodeMetadata(
  at: TopicPartition,
  owner: number,
  snapshot: Pick<Snapshot, 'offset' | 'map'>,
  budget: number = METADATA_BUDGET,
): EncodedMetadata {
  const room = Math.floor(((budget - PREFIX.length - SUFFIX.length) * 3) / 4)
  const { offset, map } = snapshot
  const full = map === null ? 0 : map.horizon + 1 - offset
  const headSize = CHECKSUM_BYTES + varintSize(owner) + varintSize(full)
  const body = Buffer.allocUnsafe(Math.max(0, room - headSize))
  const fitted = map === null ? { size: 0, horizon: -1 } : fitRanges(map, offset, body)

  const bytes = Buffer.allocUnsafe(headSize + fitted.size)
  let place = writeVarint(bytes, CHECKSUM_BYTES, owner)
  place = writeVarint(bytes, place, Math.max(0, fitted.horizon + 1 - offset))
  place += body.copy(bytes, place, 0, fitted.size)
  const payload = bytes.subarray(CHECKSUM_BYTES, place)
  bytes.writeUInt32BE(checksum(at, offset, payload), 0)
  const whole = fitted.horizon === (map?.horizon ?? -1)
  return {
    metadata: PREFIX + bytes.toString('base64url', 0, place) + SUFFIX,
    fill: whole ? (headSize + fitted.size) / room : 1,
  }
}

/** Reads the metadata of a commit at `offset`. Time and memory are bounded by the length, which is bounded too. */
export function decodeMetadata(at: TopicPartition, offset: number, metadata: string): Decoding {
  if (metadata.length > LONGEST) return refused(`longer than ${LONGEST} characters`)
  const text = FORMAT.exec(metadata)?.[1]
  if (text === undefined) return refused('another format or version')
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length <= CHECKSUM_BYTES || bytes.toString('base64url') !== text) return refused('damaged')
  if (bytes.readUInt32BE(0) !== checksum(at, offset, bytes.subarray(CHECKSUM_BYTES))) {
    return refused('the checksum does not match: damaged, or written for another topic, partition or offset')
  }
  const reader = new VarintReader(bytes, CHECKSUM_BYTES)
  const owner = reader.next()
  const distance = reader.next()
  if (owner === undefined || distance === undefined) return refused('incomplete')
  if (distance === 0) {
    return reader.atEnd ? { ok: true, value: { owner, map: null } } : refused('something follows the end')
  }
  const horizon = offset + distance - 1
  if (!Number.isSafeInteger(horizon)) return refused('the horizon is out of bounds')
  const unfinished = readRanges(reader, offset, horizon)
  return unfinished === null
    ? refused('ranges out of bounds')
    : { ok: true, value: { owner, map: { horizon, unfinished } } }
}

/** Each range: its distance from the one before, doubled, plus one where a length follows (else it is one offset). */
function fitRanges(map: FinishedMap, base: number, body: Buffer): { size: number; horizon: number } {
  let size = 0
  let from = base
  for (const range of map.unfinished) {
    const length = range.to - range.from + 1
    const head = (range.from - from) * 2 + (length > 1 ? 1 : 0)
    if (size + varintSize(head) + (length > 1 ? varintSize(length) : 0) > body.length) {
      return { size, horizon: range.from - 1 }
    }
    size = writeVarint(body, size, head)
    if (length > 1) size = writeVarint(body, size, length)
    from = range.to + 1
  }
  return { size, horizon: map.horizon }
}

function readRanges(reader: VarintReader, base: number, horizon: number): OffsetRange[] | null {
  const ranges: OffsetRange[] = []
  let after = base
  while (!reader.atEnd) {
    const head = reader.next()
    const length = head === undefined || head % 2 === 0 ? 1 : reader.next()
    if (head === undefined || length === undefined || length === 0) return null
    const from = after + Math.floor(head / 2)
    const to = from + length - 1
    if (to >= horizon || (from === after && ranges.length > 0)) return null
    ranges.push({ from, to })
    after = to + 1
  }
  return ranges
}

function checksum(at: TopicPartition, offset: number, payload: Buffer): number {
  return crc32(payload, crc32(`${at.topic}\n${at.partition}\n${offset}\n`))
}

function refused(reason: string): Decoding {
  return { ok: false, reason }
}
