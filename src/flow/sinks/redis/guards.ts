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

/** The keys that guard a record: null where it has none. */
export interface Guard {
  readonly fence: string | null
  readonly marker: string | null
}

/** In a cluster guards are in the slot of what they guard, since a script reaches one slot only. */
export function guardOf(record: SinkRecord<RedisWrite>, settings: GuardSettings): Guard {
  const { keyPrefix, scope, cluster } = settings
  const slot = cluster ? `{${slotTag(slotOfWrite(record.payload, record.id))}}:` : ''
  const base = `${keyPrefix}drakkar:`
  return {
    fence: settings.fences ? `${base}fence:${slot}${scope}:${partitionName(record.assignment)}` : null,
    marker: settings.markers && !record.payload.repeatable ? `${base}done:${slot}${scope}:${record.id}` : null,
  }
}

/** The slot that a write is done in. One without a key (publish) may be done anywhere: its id spreads it. */
export function slotOfWrite(write: RedisWrite, id: string): number {
  return slotOf(write.keys[0] ?? id)
}

const partitionName = ({ topic, partition }: Assignment): string => `${topic}:${partition}`
