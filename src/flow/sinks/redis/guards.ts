import type { Assignment } from '../../../model/index.ts'
import type { SinkRecord } from '../sink.ts'
import type { RedisWrite } from './redis-write.ts'
import { slotOf, slotTag } from './slots.ts'

export interface GuardSettings {
  readonly keyPrefix: string
  /** Keeps the markers and fences of one application (its consumer group) apart from those of others. */
  readonly scope: string
  readonly markers: boolean
  readonly markerTtlMs: number
  readonly fences: boolean
  readonly cluster: boolean
}

/** The key that holds the owner counter of the record's partition; null: none does. */
export function fenceOf(record: SinkRecord<RedisWrite>, settings: GuardSettings): string | null {
  if (!settings.fences) return null
  return `${settings.keyPrefix}drakkar:fence:${slotPart(record, settings)}${settings.scope}:${partitionName(record.assignment)}`
}

/** The key that says that the record is in the store; null: its write may be repeated. */
export function markerOf(record: SinkRecord<RedisWrite>, settings: GuardSettings): string | null {
  if (!settings.markers || record.payload.repeatable) return null
  return `${settings.keyPrefix}drakkar:done:${slotPart(record, settings)}${settings.scope}:${record.id}`
}

/** In a cluster guards are in the slot of what they guard, since a script reaches one slot only. */
function slotPart(record: SinkRecord<RedisWrite>, { cluster }: GuardSettings): string {
  return cluster ? `{${slotTag(slotOfWrite(record.payload, record.id))}}:` : ''
}

/** The slot that a write is done in. One without a key (publish) may be done anywhere: its id spreads it. */
export function slotOfWrite(write: RedisWrite, id: string): number {
  return slotOf(write.keys[0] ?? id)
}

const partitionName = ({ topic, partition }: Assignment): string => `${topic}:${partition}`
