import type { Assignment } from '../../../model/index.ts'
import type { SinkRecord } from '../sink.ts'
import { type LuaScript, WRITE_SCRIPT } from './guarded-scripts.ts'
import { fenceOf, type GuardSettings, markerOf, slotOfWrite } from './guards.ts'
import type { RedisArgument } from './redis-value.ts'
import type { RedisWrite } from './redis-write.ts'

/** One call of a script, which writes some records of a batch. */
export interface ScriptCall {
  readonly script: LuaScript
  readonly keys: readonly string[]
  readonly args: readonly RedisArgument[]
  /** Places of its records in the batch. */
  readonly records: readonly number[]
  /** Where it must run in a cluster. */
  readonly slot: number
}

/** Most records of one call: Redis serves nobody else meanwhile. */
const MOST_RECORDS = 100

/**
 * The calls for a batch, in its order. Neighbours go into one call, which is one trip through Redis' queue; in a cluster
 * only those of one slot.
 */
export function scriptCalls(
  batch: readonly SinkRecord<RedisWrite>[],
  scripts: ReadonlyMap<string, LuaScript>,
  settings: GuardSettings,
): ScriptCall[] {
  const calls: ScriptCall[] = []
  // By slot: in a cluster the calls of different slots have no order, within a slot it is that of the batch.
  const open = new Map<number, WriteCall>()
  const close = (slot: number): void => {
    const call = open.get(slot)
    if (call !== undefined) calls.push(call.build(slot))
    open.delete(slot)
  }
  batch.forEach((record, index) => {
    const slot = settings.cluster ? slotOfWrite(record.payload, record.id) : 0
    const { script } = record.payload
    if (script !== undefined) {
      close(slot)
      calls.push(userCall(record, index, slot, scripts.get(script.name) as LuaScript, settings))
      return
    }
    let call = open.get(slot)
    if (call === undefined) {
      call = new WriteCall(settings)
      open.set(slot, call)
    }
    call.add(record, index)
    if (call.full) close(slot)
  })
  for (const slot of open.keys()) close(slot)
  return calls
}

/** Collects records for one call of WRITE_SCRIPT. */
class WriteCall {
  readonly #settings: GuardSettings
  readonly #fences: string[] = []
  readonly #owners: string[] = []
  /** Two assignments of one partition have a fence each: the older one is refused. */
  readonly #places = new Map<Assignment, number>()
  readonly #keys: string[] = []
  readonly #args: RedisArgument[] = []
  readonly #records: number[] = []

  constructor(settings: GuardSettings) {
    this.#settings = settings
  }

  get full(): boolean {
    return this.#records.length >= MOST_RECORDS
  }

  add(record: SinkRecord<RedisWrite>, index: number): void {
    const { keys, commands } = record.payload
    const marker = markerOf(record, this.#settings)
    const [key] = keys
    if (marker !== null) this.#keys.push(marker)
    if (key !== undefined) this.#keys.push(key)
    let head = `${this.#fence(record)} ${marker === null ? 0 : 1} ${keys.length}`
    for (const { length } of commands) head += ` ${length - keys.length}`
    this.#args.push(head)
    for (const command of commands) {
      for (let at = 0; at < command.length; at += 1) {
        // The key, which is behind the command's name, is among KEYS.
        if (at !== 1 || key === undefined) this.#args.push(command[at] as RedisArgument)
      }
    }
    this.#records.push(index)
  }

  build(slot: number): ScriptCall {
    return {
      script: WRITE_SCRIPT,
      keys: [...this.#fences, ...this.#keys],
      args: [String(this.#settings.markerTtlMs), String(this.#owners.length), ...this.#owners, ...this.#args],
      records: this.#records,
      slot,
    }
  }

  /** Place of the record's fence, from 1; 0: it has none. */
  #fence(record: SinkRecord<RedisWrite>): number {
    const known = this.#places.get(record.assignment)
    if (known !== undefined) return known
    const key = fenceOf(record, this.#settings)
    const place = key === null ? 0 : this.#fences.push(key)
    if (place > 0) this.#owners.push(String(record.assignment.owner))
    this.#places.set(record.assignment, place)
    return place
  }
}

function userCall(
  record: SinkRecord<RedisWrite>,
  index: number,
  slot: number,
  script: LuaScript,
  settings: GuardSettings,
): ScriptCall {
  const fence = fenceOf(record, settings)
  const marker = markerOf(record, settings)
  const ttl = String(settings.markerTtlMs)
  const { keys, script: call } = record.payload
  return {
    script,
    keys: [...(fence === null ? [] : [fence]), ...(marker === null ? [] : [marker]), ...keys],
    args: [
      fence === null ? '' : String(record.assignment.owner),
      ttl,
      marker === null ? '' : ttl,
      ...(call?.args ?? []),
    ],
    records: [index],
    slot,
  }
}
