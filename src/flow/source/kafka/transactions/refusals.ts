import { type Announce, type Holds, partitionKey, reasonOf } from '../../../../model/index.ts'
import { DriverError } from '../driver.ts'
import { type Staged, type StagedOutput, type Unit, wireBytes } from './staged.ts'

/** After this an output that the broker refused is tried again, milliseconds. */
const RETRY_MS = 10_000

/** Errors that the same record gets again: its size, its partition, its timestamp, its form, the right to write it. */
const REFUSED: ReadonlySet<number> = new Set([2, 4, 10, 18, 29, 32, 87, -190])

/** The broker does not take this record, whoever sends it. */
export function isRefusal(error: Error | null): error is DriverError {
  return error instanceof DriverError && REFUSED.has(error.errno)
}

export interface RefusalParts {
  readonly staged: Staged
  readonly holds: Holds
  readonly announce: Announce
  readonly now: () => number
  /** Calls `wake` when a refused unit is due again. */
  readonly later: (ms: number) => void
}

/**
 * Finds out which outputs the broker refuses, and keeps them from holding up all others. The broker refuses whole
 * requests, so the one that is to blame is looked for by halves, in transactions of their own.
 */
export class Refusals {
  readonly #parts: RefusalParts
  /** Units that are tried apart from all others; null while nothing is looked for. */
  #trial: ReadonlySet<Unit> | null = null

  constructor(parts: RefusalParts) {
    this.#parts = parts
  }

  /** A round of commits begins: what is due is tried again, alone. */
  begin(): void {
    const { staged, now } = this.#parts
    if (this.#trial !== null && [...this.#trial].some((unit) => staged.has(unit))) return
    const due = staged.units().find(({ refusal }) => refusal !== null && refusal.retryAt <= now())
    this.#trial = due === undefined ? null : new Set([due])
  }

  /** Whether it is not this unit's turn. */
  bars(unit: Unit): boolean {
    if (this.#trial !== null) return !this.#trial.has(unit)
    return unit.refusal !== null
  }

  /** Whether it will be this unit's turn at the next round. */
  isNext(unit: Unit): boolean {
    return unit.refusal === null || unit.refusal.retryAt <= this.#parts.now()
  }

  /** No commit can tell it now, as the map has no room: what is looked for has to wait, and holds up nobody else. */
  cannotTry(unit: Unit): void {
    if (this.#trial?.has(unit) !== true) return
    const { now, later } = this.#parts
    const release = unit.refusal?.release ?? ((): void => undefined)
    unit.refusal = { retryAt: now() + RETRY_MS, release }
    this.#trial = new Set([...this.#trial].filter((other) => other !== unit))
    later(RETRY_MS)
  }

  /** All went well. */
  passed(): void {
    this.#trial = null
  }

  /** The broker refused some of these; their messages cannot be committed without them. */
  async refused(
    outputs: readonly (readonly [Unit, StagedOutput])[],
    answers: readonly (Error | null)[],
  ): Promise<void> {
    const blamed = new Map<Unit, Error>()
    outputs.forEach(([unit], index) => {
      const answer = answers[index] ?? null
      if (isRefusal(answer)) blamed.set(unit, answer)
    })
    const [first] = blamed
    if (first === undefined) return
    if (blamed.size > 1) {
      const bySize = [...blamed.keys()].toSorted((a, b) => b.largest - a.largest)
      this.#trial = new Set(bySize.slice(0, Math.ceil(bySize.length / 2)))
      return
    }
    this.#trial = null
    const [unit, error] = first
    const guilty = outputs.flatMap(([of, output], index) =>
      of === unit && isRefusal(answers[index] ?? null) ? [output] : [],
    )
    await this.#putElsewhere(unit, guilty, error)
  }

  async #putElsewhere(unit: Unit, guilty: readonly StagedOutput[], error: Error): Promise<void> {
    const { staged, announce } = this.#parts
    const at = { topic: unit.assignment.topic, partition: unit.assignment.partition }
    const sizes = guilty.toSorted((a, b) => wireBytes(b.record) - wireBytes(a.record))
    const [largest] = sizes
    if (largest === undefined || !staged.has(unit)) return
    let reason = reasonOf(error)
    if (largest.elsewhere !== undefined) {
      try {
        const to = await largest.elsewhere(error)
        staged.take(unit, largest)
        if (unit.outputs.size === 0) staged.remove(unit)
        announce({ type: 'output_refused', at, offset: unit.offsets[0] as number, id: largest.id, to, error: reason })
        return
      } catch (thrown) {
        reason += `; and it could not be put elsewhere: ${reasonOf(thrown)}`
      }
    }
    announce({ type: 'output_refused', at, offset: unit.offsets[0] as number, id: largest.id, to: null, error: reason })
    this.#hold(unit, largest, reason)
  }

  #hold(unit: Unit, { id, record }: StagedOutput, reason: string): void {
    const { holds, now, later } = this.#parts
    const { assignment, offsets } = unit
    const before = unit.refusal
    const detail =
      `${record.topic} does not take ${id} (${wireBytes(record)} bytes), an output of ${partitionKey(assignment)} offset ` +
      `${offsets[0]}: ${reason}. Raise max.message.bytes of ${record.topic} or mend what the error names; it is tried again ` +
      'until it works, and nothing after it is committed as finished. To have such outputs refused and their messages ' +
      'dead-lettered instead, set sources.kafka.max_message_bytes to what the topic takes and restart.'
    const release = holds.place(assignment, { reason: 'transaction', detail })
    unit.refusal = { retryAt: now() + RETRY_MS, release }
    before?.release()
    later(RETRY_MS)
  }
}
