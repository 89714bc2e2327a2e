import type { TopicPartition } from '../../../../model/index.ts'
import {
  decodeMetadata,
  type EncodedMetadata,
  encodeMetadata,
  type Said,
  saysDone,
  without,
} from '../../../ledger/index.ts'
import type { CommitRequest } from '../driver.ts'

/** Messages whose outputs become visible together. */
export interface Together {
  readonly offsets: readonly number[]
}

/** Offset and metadata of a commit. */
export interface Word extends EncodedMetadata {
  readonly offset: number
}

/**
 * What a commit may say, so that it agrees with the transaction that it is in: of the messages of each unit it calls all
 * finished or none, and none of those that are barred. A map that does not fit says less, and then a unit that is said in
 * part is not said at all. It never says more than the snapshot does.
 */
export function wordFor<Unit extends Together>(
  snapshot: Said,
  units: Iterable<Unit>,
  barred: (unit: Unit) => boolean,
  encode: (said: Said) => EncodedMetadata,
  decode: (offset: number, metadata: string) => Said,
): Word {
  const all = [...units]
  let said = without(
    snapshot,
    all.filter((unit) => barred(unit)).flatMap((unit) => unit.offsets),
  )
  for (;;) {
    const encoded = encode(said)
    const told = decode(said.offset, encoded.metadata)
    const torn = all.filter((unit) => isTorn(told, unit))
    if (torn.length === 0) return { ...encoded, offset: said.offset }
    said = without(
      told,
      torn.flatMap((unit) => unit.offsets),
    )
  }
}

/** True where all messages of the unit are said to be finished. */
export function tells(said: Said, unit: Together): boolean {
  return unit.offsets.every((offset) => saysDone(said, offset))
}

function isTorn(said: Said, { offsets }: Together): boolean {
  const [first, ...others] = offsets
  const one = saysDone(said, first as number)
  return others.some((offset) => saysDone(said, offset) !== one)
}

/** The units that a commit tells. Throws where it tells one in part: that must never reach the broker. */
export function toldBy<Unit extends Together>(said: Said, units: Iterable<Unit>): Unit[] {
  return [...units].filter((unit) => {
    if (isTorn(said, unit)) throw new Error(`offsets ${unit.offsets.join(', ')} end together, and a commit tells some`)
    return saysDone(said, unit.offsets[0] as number)
  })
}

/** How commits of a partition are written. */
export function encoder(at: TopicPartition, owner: number, budget: number): (said: Said) => EncodedMetadata {
  return (said) => encodeMetadata(at, owner, said, budget)
}

/** What whoever reads this commit will take for finished. */
export function saidBy({ topic, partition, offset, metadata }: Omit<CommitRequest, 'leaderEpoch'>): Said {
  const decoded = decodeMetadata({ topic, partition }, offset, metadata)
  return { offset, map: decoded.ok ? decoded.value.map : null }
}
