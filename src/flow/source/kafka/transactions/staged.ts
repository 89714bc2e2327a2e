import type { Assignment } from '../../../../model/index.ts'
import type { ProducerRecord } from '../driver.ts'

/** A record that waits for the transaction that makes its messages' ends durable. */
export interface StagedOutput {
  /** For messages to people. */
  readonly id: string
  /** Whoever stages the same thing again, for want of an answer, names it by the same object. */
  readonly token: object
  readonly assignment: Assignment
  /** All messages that end with it, by their offsets: with a group of messages, all of the group. Never empty. */
  readonly offsets: readonly number[]
  readonly record: ProducerRecord
  /** Puts the record elsewhere where the broker refuses it for good; answers where. Default: its partition is held. */
  readonly elsewhere?: (error: Error) => Promise<string>
}

/** Why a unit stays behind, and until when (monotonic). */
export interface Refusal {
  readonly retryAt: number
  /** Lifts the hold of its partition. */
  readonly release: () => void
}

/** Outputs that can only become visible together, with the ends of all their messages. */
export class Unit {
  readonly assignment: Assignment
  readonly offsets: readonly number[]
  readonly outputs: Map<object, StagedOutput> = new Map()
  bytes = 0
  /** All its messages have ended. */
  ended = false
  /** The map of the last commit had no room for them. */
  noRoom = false
  /** The broker does not take one of its records. */
  refusal: Refusal | null = null

  constructor(assignment: Assignment, offsets: readonly number[]) {
    this.assignment = assignment
    this.offsets = [...offsets]
  }

  /** Bytes of the largest of its records. */
  get largest(): number {
    return [...this.outputs.values()].reduce((most, { record }) => Math.max(most, wireBytes(record)), 0)
  }
}

/** What was handed over and is in no transaction yet; data only. */
export class Staged {
  readonly #units = new Map<number, Map<number, Unit>>()
  #bytes = 0

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** The assignment may stage outputs from now on. */
  open(epoch: number): void {
    if (!this.#units.has(epoch)) this.#units.set(epoch, new Map())
  }

  isOpen(epoch: number): boolean {
    return this.#units.has(epoch)
  }

  /** The assignment is over: its next owner makes the outputs again. */
  close(epoch: number): void {
    for (const unit of this.unitsOf(epoch)) this.remove(unit)
    this.#units.delete(epoch)
  }

  /** Only of an open assignment. */
  put(output: StagedOutput): void {
    const byOffset = this.#units.get(output.assignment.epoch)
    if (byOffset === undefined) throw new Error(`epoch ${output.assignment.epoch} stages nothing`)
    const unit = this.#unitFor(output, byOffset)
    this.take(unit, output)
    const bytes = wireBytes(output.record)
    unit.outputs.set(output.token, output)
    unit.bytes += bytes
    this.#bytes += bytes
  }

  /** Takes one record out. */
  take(unit: Unit, { token }: Pick<StagedOutput, 'token'>): void {
    const output = unit.outputs.get(token)
    if (output === undefined) return
    unit.outputs.delete(token)
    const bytes = wireBytes(output.record)
    unit.bytes -= bytes
    this.#bytes -= bytes
  }

  /** Forgets what was staged with this message: it dies, so nothing of it may become visible. */
  discard(epoch: number, offset: number): void {
    const unit = this.#units.get(epoch)?.get(offset)
    if (unit !== undefined) this.remove(unit)
  }

  has(unit: Unit): boolean {
    return this.#units.get(unit.assignment.epoch)?.get(unit.offsets[0] as number) === unit
  }

  remove(unit: Unit): void {
    unit.refusal?.release()
    unit.refusal = null
    const byOffset = this.#units.get(unit.assignment.epoch)
    if (byOffset === undefined || !this.has(unit)) return
    this.#bytes -= unit.bytes
    for (const offset of unit.offsets) byOffset.delete(offset)
  }

  unitsOf(epoch: number): ReadonlySet<Unit> {
    return new Set(this.#units.get(epoch)?.values())
  }

  units(): Unit[] {
    return [...this.#units.keys()].flatMap((epoch) => [...this.unitsOf(epoch)])
  }

  #unitFor({ assignment, offsets }: StagedOutput, byOffset: Map<number, Unit>): Unit {
    const known = byOffset.get(offsets[0] as number)
    if (known !== undefined && sameOffsets(known.offsets, offsets)) return known
    // Messages share outputs as one group from the beginning to the end; another grouping can only follow a death.
    for (const offset of offsets) this.discard(assignment.epoch, offset)
    const unit = new Unit(assignment, offsets)
    for (const offset of offsets) byOffset.set(offset, unit)
    return unit
  }
}

function sameOffsets(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((offset, index) => offset === others[index])
}

/** What a record takes in a request beside its bytes, at most: lengths, deltas, attributes. */
const RECORD_OVERHEAD = 36
const HEADER_OVERHEAD = 10

/** Bytes of a record in a request, at most: what the client holds against `message.max.bytes`. */
export function wireBytes({ key, value, headers }: ProducerRecord): number {
  let bytes = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, header] of headers) bytes += HEADER_OVERHEAD + Buffer.byteLength(name) + (header?.length ?? 0)
  return bytes
}
