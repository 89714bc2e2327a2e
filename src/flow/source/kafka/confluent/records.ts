import type { Header, RawMessage } from '../../../../model/index.ts'
import type { ProducerRecord } from '../driver.ts'
import type { RdHeader, RdMessage } from './client-types.ts'

const NO_HEADERS: readonly Header[] = []
const EMPTY = Buffer.alloc(0)

/** A record as the client hands it over, in the port's shape. Runs for every record: it copies no bytes. */
export function toRawMessage(record: RdMessage): RawMessage {
  const { topic, partition, offset, key, value, leaderEpoch } = record
  const timestamp = record.timestamp < 0 ? null : record.timestamp
  const headers = record.headers?.length ? record.headers.map(toHeader) : NO_HEADERS
  return leaderEpoch === undefined
    ? { topic, partition, offset, key, value, timestamp, headers }
    : { topic, partition, offset, key, value, timestamp, headers, leaderEpoch }
}

/** The client gives each header as an object with one property; the name `__proto__` becomes its prototype instead. */
function toHeader(header: RdHeader): Header {
  for (const name in header) if (Object.hasOwn(header, name)) return [name, header[name] ?? null]
  const value: unknown = Object.getPrototypeOf(header)
  return ['__proto__', Buffer.isBuffer(value) ? value : null]
}

/**
 * Headers for the client: one object each, so that names may repeat and order holds. It cannot write a null value; an
 * empty one takes its place.
 */
export function toRdHeaders(record: ProducerRecord): readonly RdHeader[] | undefined {
  if (record.headers.length === 0) return undefined
  return record.headers.map(([name, value]) => ({ [name]: value ?? EMPTY }))
}
