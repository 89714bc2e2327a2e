import { type BackoffOptions, backoffMs, type Clock, type Random } from '../../lib/index.ts'
import type { Announce, Holds } from '../../model/index.ts'
import { ask } from './ask.ts'
import { type BatchOptions, batchDelay } from './batcher.ts'
import { type BreakerOptions, type Circuit, type CircuitStep, CLOSED, circuitValue, nextCircuit } from './breaker.ts'
import { Item, type RecordLane, type Routed, type Ticket } from './item.ts'
import { ItemQueue } from './item-queue.ts'
import type { RecordVerdict, Sink } from './sink.ts'
import { type Judgement, judge, type SinkRecordOfService } from './verdicts.ts'
import { Waiting } from './waiting.ts'
import { WakeTimer } from './wake-timer.ts'

export interface LaneParts {
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly holds: Holds
  readonly batch: BatchOptions
  readonly breaker: BreakerOptions
  readonly backoff: BackoffOptions
  readonly deliveryTimeoutMs: number
  /** Runs something when the batch that was just sent is on its way. */
  readonly later: (run: () => void) => void
}

/**
 * The way to one sink instance: a queue over all tasks and partitions, batches, repeats, and the circuit. Nothing leaves
 * it but by a verdict of the sink or the abort of its call.
 */
export class Lane implements RecordLane {
  readonly sink: Sink
  readonly label: string
  connected = false
  readonly #parts: LaneParts
  readonly #queue = new ItemQueue()
  readonly #waiting: Waiting
  readonly #wake: WakeTimer
  #circuit: Circuit = CLOSED
  #service: SinkRecordOfService = { refusals: 0, successes: 0 }
  #pending = 0
  #inFlight = 0
  /** Batches whose calls do not know their verdicts yet. */
  #untold = 0
  /** After a failed attempt nothing goes out before this time. */
  #restUntil = 0
  /** When the last attempt began. */
  #lastAt = Number.NEGATIVE_INFINITY
  #closed = false
  #idle: (() => void) | null = null

  constructor(sink: Sink, parts: LaneParts) {
    this.sink = sink
    this.label = `${sink.kind}:${sink.name}`
    this.#parts = parts
    this.#waiting = new Waiting(parts.holds, this.label)
    this.#wake = new WakeTimer(parts.clock, () => this.#pump())
  }

  /** Records that have no verdict yet. */
  get pending(): number {
    return this.#pending
  }

  async connect(): Promise<void> {
    await this.sink.connect()
    this.connected = true
    const { kind, name } = this.sink
    this.#parts.announce({ type: 'sink_connected', kind, sink: name })
    this.#parts.announce({ type: 'sink_circuit', kind, sink: name, state: 0 })
  }

  /** Queues a record. It goes out when the current turn is done, so that a turn's records go out together. */
  add(record: Routed, ticket: Ticket): Item {
    const waiting = this.#waiting.enter(record.assignment)
    const item = new Item(record, ticket, waiting, this.#parts.clock.monotonic())
    this.#pending += 1
    this.#queue.push(item)
    this.#wake.soon()
    return item
  }

  /** Forgets a record whose call was aborted. One that is in an attempt now may still reach the sink. */
  abandon(item: Item): void {
    if (item.done) return
    this.#finish(item)
    if (item.queued) this.#queue.drop(item)
    this.#checkIdle()
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve
      this.#checkIdle()
    })
  }

  /** What has no verdict by now never gets one. */
  async close(): Promise<void> {
    this.#closed = true
    this.#wake.stop()
    this.connected = false
    await this.sink.close()
  }

  #pump(): void {
    while (!this.#closed && this.#queue.records > 0) {
      const now = this.#parts.clock.monotonic()
      const delay = this.#delay(now)
      if (delay === null) return
      if (delay > 0) {
        this.#wake.within(delay)
        return
      }
      if (this.#circuit.phase === 'closed') {
        void this.#attempt(this.#queue.take(this.#parts.batch), false)
        continue
      }
      this.#step({ type: 'probe', at: now })
      const probe = this.#queue.takeProbe()
      if (probe === undefined) return
      probe.probes += 1
      void this.#attempt([probe], true)
    }
  }

  /** Milliseconds until something may go out; null: only the end of an attempt can change that. */
  #delay(now: number): number | null {
    const { batch } = this.#parts
    if (this.#circuit.phase === 'half-open') return null
    if (this.#circuit.phase === 'open') return Math.max(0, this.#circuit.until - now)
    if (this.#inFlight >= batch.inFlight) return null
    if (this.#restUntil > now) return this.#restUntil - now
    return batchDelay(this.#queue, this.#lastAt, now, batch)
  }

  async #attempt(batch: readonly Item[], probe: boolean): Promise<void> {
    const { clock, deliveryTimeoutMs } = this.#parts
    const started = clock.monotonic()
    this.#inFlight += 1
    this.#lastAt = started
    for (const item of batch) item.attempts += 1
    const verdicts = await ask(this.sink, batch, deliveryTimeoutMs, clock)
    this.#inFlight -= 1
    const answered = this.#conclude(batch, verdicts, probe, clock.monotonic() - started)
    const inFlight = this.#inFlight
    this.#pump()
    if (this.#inFlight === inFlight) this.#tell(answered)
    else this.#tellLater(answered)
  }

  /** What the callers go on with would keep the batch that is to leave now, and the sink, waiting. */
  #tellLater(answered: readonly Item[]): void {
    this.#untold += 1
    this.#parts.later(() => {
      this.#untold -= 1
      this.#tell(answered)
    })
  }

  #tell(answered: readonly Item[]): void {
    for (const { ticket } of answered) ticket.settle()
    this.#checkIdle()
  }

  /** Gives each record what its verdict means, and answers those that are done with. */
  #conclude(batch: readonly Item[], verdicts: readonly RecordVerdict[], probe: boolean, durationMs: number): Item[] {
    const keptAt = batch.map((item) => item.keptAt)
    const judgement = judge(verdicts, keptAt, this.#service, this.#parts.breaker.failureThreshold)
    this.#service = { refusals: judgement.refusals, successes: judgement.successes }
    const error = firstError(verdicts)
    this.#parts.announce({
      type: 'sink_delivered',
      kind: this.sink.kind,
      sink: this.sink.name,
      records: batch.length,
      failed: judgement.decisions.reduce((sum, decision) => sum + (decision === 'placed' ? 0 : 1), 0),
      durationMs,
      error: error?.message ?? null,
    })
    const { answered, again } = this.#sort(batch, verdicts, judgement)
    const at = this.#parts.clock.monotonic()
    if (judgement.sink === 'worked') this.#step({ type: 'worked' })
    else this.#step({ type: judgement.sink, at, probe }, describe(this.label, judgement.sink, error))
    if (again.length > 0) this.#repeat(again, at, judgement.sink === 'worked', longestWait(verdicts), error)
    return answered
  }

  /** Those that are decided, and those that are tried again; the records of aborted calls are neither. */
  #sort(batch: readonly Item[], verdicts: readonly RecordVerdict[], judgement: Judgement): Sorted {
    const answered: Item[] = []
    const again: Item[] = []
    batch.forEach((item, index) => {
      const decision = judgement.decisions[index]
      const verdict = verdicts[index]
      if (item.done) return
      if (decision === 'placed') {
        this.#finish(item)
        answered.push(item)
      } else if (decision === 'refused' && verdict?.ok === false) {
        this.#finish(item)
        item.ticket.refusals.push({ record: item.record, error: verdict.error, attempts: item.attempts })
        answered.push(item)
      } else {
        if (decision === 'kept' && item.keptAt < 0) item.keptAt = judgement.successes
        again.push(item)
      }
    })
    return { answered, again }
  }

  /** Where the sink took others, the failed ones wait aside and the others pass; otherwise all wait, in order. */
  #repeat(items: readonly Item[], at: number, othersPass: boolean, retryAfterMs: number, error: Error | null): void {
    const { clock, random, backoff, breaker, announce } = this.#parts
    const { kind, name: sink } = this.sink
    if (this.#circuit.phase !== 'closed') {
      const delayMs = this.#circuit.phase === 'open' ? Math.max(0, this.#circuit.until - at) : 0
      announce({ type: 'sink_retried', kind, sink, records: items.length, delayMs })
      this.#queue.putBack(items)
      return
    }
    const attempts = othersPass ? Math.min(...items.map((item) => item.attempts)) : this.#circuit.failures
    const delayMs = Math.max(retryAfterMs, backoffMs(Math.max(1, attempts), backoff, random))
    announce({ type: 'sink_retried', kind, sink, records: items.length, delayMs })
    for (const item of items) {
      if (item.stuck || item.attempts < breaker.failureThreshold) continue
      item.stuck = true
      this.#waiting.stick(item.waiting, describe(this.label, 'failed', error))
    }
    if (!othersPass) {
      this.#restUntil = at + delayMs
      this.#queue.putBack(items)
      return
    }
    clock.timer(delayMs, () => {
      this.#queue.putBack(items.filter((item) => !item.done))
      this.#pump()
    })
  }

  #step(step: CircuitStep, detail = ''): void {
    const before = this.#circuit
    this.#circuit = nextCircuit(before, step, this.#parts.breaker)
    if (this.#circuit.phase === before.phase) return
    const state = circuitValue(this.#circuit)
    this.#parts.announce({ type: 'sink_circuit', kind: this.sink.kind, sink: this.sink.name, state })
    if (this.#circuit.phase === 'open') this.#waiting.open(detail)
    if (this.#circuit.phase === 'closed') {
      this.#restUntil = 0
      this.#waiting.close()
    }
  }

  #finish(item: Item): void {
    item.done = true
    this.#pending -= 1
    this.#waiting.leave(item.waiting, item.stuck)
  }

  #checkIdle(): void {
    if (this.#pending > 0 || this.#inFlight > 0 || this.#untold > 0 || this.#idle === null) return
    this.#idle()
    this.#idle = null
  }
}

interface Sorted {
  readonly answered: Item[]
  readonly again: Item[]
}

function firstError(verdicts: readonly RecordVerdict[]): Error | null {
  for (const verdict of verdicts) if (!verdict.ok) return verdict.error
  return null
}

function longestWait(verdicts: readonly RecordVerdict[]): number {
  let longest = 0
  for (const verdict of verdicts) if (!verdict.ok) longest = Math.max(longest, verdict.retryAfterMs ?? 0)
  return longest
}

function describe(label: string, what: 'failed' | 'refused', error: Error | null): string {
  const said = error?.message ?? 'no reason given'
  return what === 'failed'
    ? `${label} cannot be reached or fails: ${said}. It is tried again until it works; nothing is lost. Check the sink.`
    : `${label} refuses whatever it gets: ${said}. Check its settings and permissions, and what the handler sends; it is tried again with one record at a time.`
}
