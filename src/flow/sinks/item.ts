import type { Assignment } from '../../model/index.ts'
import type { Refusal, RoutedRecord } from './delivery-port.ts'
import type { Sink, SinkRecord } from './sink.ts'
import type { WaitingPartition } from './waiting.ts'

/** What a record knows of the lane to its sink. */
export interface RecordLane {
  readonly sink: Sink
  add(record: Routed, ticket: Ticket): Item
  abandon(item: Item): void
}

/** A record that `route` made: it also keeps the payload as its sink accepted it. */
export class Routed implements RoutedRecord {
  readonly id: string
  readonly payload: unknown
  readonly assignment: Assignment
  readonly lane: RecordLane
  readonly offsets: readonly number[] | undefined
  readonly accepted: unknown
  readonly size: number

  constructor(id: string, payload: unknown, assignment: Assignment, lane: RecordLane, offsets?: readonly number[]) {
    this.id = id
    this.payload = payload
    this.assignment = assignment
    this.lane = lane
    this.offsets = offsets
    this.accepted = lane.sink.accept(payload)
    this.size = lane.sink.size(this.accepted)
  }

  get kind(): string {
    return this.lane.sink.kind
  }

  get sink(): string {
    return this.lane.sink.name
  }
}

/** One call of `deliver`: counts its records down. */
export class Ticket {
  readonly items: Item[] = []
  readonly refusals: Refusal[] = []
  /** Its place among the open calls. */
  place = -1
  #open: number
  readonly #done: (ticket: Ticket) => void

  constructor(records: number, done: (ticket: Ticket) => void) {
    this.#open = records
    this.#done = done
  }

  /** One record less to wait for. */
  settle(): void {
    this.#open -= 1
    if (this.#open === 0) this.#done(this)
  }
}

/** A record in one call of `deliver`, as its sink sees it. */
export class Item implements SinkRecord {
  readonly id: string
  readonly payload: unknown
  readonly assignment: Assignment
  readonly offsets: readonly number[] | undefined
  readonly size: number
  readonly record: Routed
  readonly ticket: Ticket
  readonly waiting: WaitingPartition
  /** Monotonic time of its arrival, milliseconds. */
  readonly since: number
  attempts = 0
  /** Of those, the ones as the probe of an open circuit. */
  probes = 0
  /** Successes of the sink when it kept this record back; -1 where it never did. */
  keptAt = -1
  /** In the queue; otherwise it is in an attempt, waits for its repeat, or is done. */
  queued = false
  /** Placed, refused, or its call was aborted. */
  done = false
  /** Failed so often that its partition is held for it. */
  stuck = false

  constructor(record: Routed, ticket: Ticket, waiting: WaitingPartition, since: number) {
    this.id = record.id
    this.payload = record.accepted
    this.assignment = record.assignment
    this.offsets = record.offsets
    this.size = record.size
    this.record = record
    this.ticket = ticket
    this.waiting = waiting
    this.since = since
  }
}
