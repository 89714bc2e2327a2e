/**
 * ledger: which offsets of an assignment are done, the position to commit, and the codec of the commit metadata.
 * Pure data: no clock, no Kafka, no I/O.
 */
export {
  type DecodedMetadata,
  type Decoding,
  decodeMetadata,
  type EncodedMetadata,
  encodeMetadata,
  METADATA_BUDGET,
  SMALLEST_METADATA_BUDGET,
} from './codec.ts'
export type { FinishedMap, OffsetRange, Snapshot } from './finished-map.ts'
export { type Fetched, Ledger, type Settled } from './ledger.ts'
export { type Said, saysDone, without } from './said.ts'
