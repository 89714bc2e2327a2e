import type { SinkRecord } from '../sink.ts'
import { type LuaScript, WRITE_SCRIPT } from './guarded-scripts.ts'
import { type GuardSettings, guardOf, slotOfWrite } from './guards.ts'
import type { RedisArgument } from './redis-value.ts'
import type { RedisWrite } from './redis-write.ts'

/** One call of a script, which writes some records of a batch. */
export interface ScriptCall {
  readonly script: LuaScript
  readonly keys: readonly string[]
  readonly args: readonly RedisArgument[]
  /** Places of its records in the batch; the answer has a value for each. */
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
  readonly #fences = new Map<string, { readonly place: number; readonly owner: number }>()
  readonly #records: {
    readonly record: SinkRecord<RedisWrite>
    readonly index: number
    readonly fence: number
    readonly marker: string | null
  }[] = []

  constructor(settings: GuardSettings) {
    this.#settings = settings
  }

  get full(): boolean {
    return this.#records.length >= MOST_RECORDS
  }

  add(record: SinkRecord<RedisWrite>, index: number): void {
    const { fence, marker } = guardOf(record, this.#settings)
    this.#records.push({
      record,
      index,
      fence: fence === null ? 0 : this.#fence(fence, record.assignment.owner),
      marker,
    })
  }

  build(slot: number): ScriptCall {
    const ttl = String(this.#settings.markerTtlMs)
    const keys: string[] = []
    const args: RedisArgument[] = [String(this.#fences.size)]
    for (const [name, { owner }] of this.#fences) {
      keys.push(name.slice(0, name.lastIndexOf(' ')))
      args.push(String(owner), ttl)
    }
    for (const { record, fence, marker } of this.#records) {
      const { commands } = record.payload
      args.push(String(fence), marker === null ? '0' : String(keys.push(marker)), ttl, String(commands.length))
      keys.push(...record.payload.keys)
      for (const command of commands) {
        args.push(String(command.length))
        for (const word of command) args.push(word)
      }
    }
    return { script: WRITE_SCRIPT, keys, args, records: this.#records.map(({ index }) => index), slot }
  }

  /** Place of a fence, from 1. Two assignments of one partition have their own: the older one is refused. */
  #fence(key: string, owner: number): number {
    const name = `${key} ${owner}`
    const known = this.#fences.get(name)
    if (known !== undefined) return known.place
    const place = this.#fences.size + 1
    this.#fences.set(name, { place, owner })
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
  const { fence, marker } = guardOf(record, settings)
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
