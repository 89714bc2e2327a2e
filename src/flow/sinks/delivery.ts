import { type BackoffOptions, type Clock, type Random, sleep } from '../../lib/index.ts'
import { type Announce, type Assignment, type Holds, type Outputs, reasonOf } from '../../model/index.ts'
import { type BatchOptions, DEFAULT_BATCH } from './batcher.ts'
import type { BreakerOptions } from './breaker.ts'
import type { Delivery, Refusal, RoutedRecord } from './delivery-port.ts'
import { Routed, Ticket } from './item.ts'
import { Lane } from './lane.ts'
import { OpenCalls } from './open-calls.ts'
import { chooseInstance, OutputError } from './routing.ts'
import type { Sink } from './sink.ts'

export interface DeliveryOptions {
  readonly sinks: readonly Sink[]
  readonly clock: Clock
  readonly random: Random
  readonly announce: Announce
  readonly holds: Holds
  /** By `<kind>:<name>`; what is left out is as in `DEFAULT_BATCH`. */
  readonly batch?: Readonly<Record<string, Partial<BatchOptions>>>
  /** Default 5 failures, 5 s. */
  readonly breaker?: Partial<BreakerOptions>
  /** Waits between attempts while a circuit is closed. Default 100 ms to 10 s. */
  readonly backoff?: BackoffOptions
  /**
   * Longest wait for one attempt, milliseconds; default 30,000. An attempt that takes longer counts as failed, and its
   * late answer is ignored: its records can then be in the sink twice.
   */
  readonly deliveryTimeoutMs?: number
  /**
   * How the callers of a batch hear of it where another one leaves now. Default at once. A worker gives
   * `setImmediate`: the next batch leaves first, and what the callers go on with runs while the sink works on it.
   */
  readonly later?: (run: () => void) => void
}

/** Builds the delivery. Two sinks of one kind and name are an error of whoever composes them. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const lanes = new Map<string, Map<string, Lane>>()
  for (const sink of options.sinks) {
    const named = lanes.get(sink.kind) ?? new Map<string, Lane>()
    if (named.has(sink.name)) throw new Error(`there are two sinks ${sink.kind}:${sink.name}`)
    named.set(sink.name, new Lane(sink, laneParts(sink, options)))
    lanes.set(sink.kind, named)
  }
  return new SinkDelivery(lanes, options.clock)
}

function laneParts(sink: Sink, options: DeliveryOptions): ConstructorParameters<typeof Lane>[1] {
  const { clock, random, announce, holds } = options
  return {
    clock,
    random,
    announce,
    holds,
    batch: { ...DEFAULT_BATCH, ...options.batch?.[`${sink.kind}:${sink.name}`] },
    breaker: { failureThreshold: 5, cooldownMs: 5000, ...options.breaker },
    backoff: options.backoff ?? { initialMs: 100, maxMs: 10_000 },
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? 30_000,
    later: options.later ?? ((run) => run()),
  }
}

class SinkDelivery implements Delivery {
  readonly #lanes: ReadonlyMap<string, ReadonlyMap<string, Lane>>
  readonly #clock: Clock
  /** Open calls by their signal: one listener for all calls of a partition. */
  readonly #calls = new WeakMap<AbortSignal, OpenCalls>()
  #closing: Promise<void> | null = null

  constructor(lanes: ReadonlyMap<string, ReadonlyMap<string, Lane>>, clock: Clock) {
    this.#lanes = lanes
    this.#clock = clock
  }

  async connect(): Promise<void> {
    const lanes = this.#all()
    const outcomes = await Promise.allSettled(lanes.map((lane) => lane.connect()))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) return
    // What goes wrong while the others are closed must not hide why the start failed.
    await Promise.allSettled(lanes.filter((lane) => lane.connected).map((lane) => lane.close()))
    throw failed.reason
  }

  route(
    outputs: Outputs,
    idPrefix: string,
    assignment: Assignment,
    offsets?: readonly number[],
  ): readonly RoutedRecord[] {
    const records: Routed[] = []
    const places = new Places()
    for (const kind of Object.keys(outputs)) {
      const payloads: unknown = outputs[kind as keyof Outputs]
      if (payloads === undefined) continue
      if (!Array.isArray(payloads)) throw new OutputError(`\`${kind}\` must be a list of outputs`)
      payloads.forEach((payload: unknown, index) => {
        const lane = chooseInstance(this.#lanes, kind, wantedSink(payload))
        const place = places.next(lane)
        try {
          records.push(new Routed(`${idPrefix}/${lane.label}/${place}`, payload, assignment, lane, offsets))
        } catch (error) {
          throw new OutputError(`\`${kind}[${index}]\` for ${lane.label}: ${reasonOf(error)}`)
        }
      })
    }
    return records
  }

  deliver(records: readonly RoutedRecord[], signal: AbortSignal): Promise<readonly Refusal[]> {
    if (records.length === 0 || signal.aborted) return Promise.resolve([])
    if (!records.every(isRouted)) return Promise.reject(new Error('deliver() takes the records that route() made'))
    const { promise, resolve } = Promise.withResolvers<readonly Refusal[]>()
    const calls = this.#callsOf(signal)
    const ticket = new Ticket(records.length, () => {
      calls.remove(ticket)
      resolve(ticket.refusals)
    })
    calls.add(ticket)
    for (const record of records) ticket.items.push(record.lane.add(record, ticket))
    return promise
  }

  views(): ReturnType<Delivery['views']> {
    return this.#all().map((lane) => ({
      kind: lane.sink.kind,
      name: lane.sink.name,
      connected: lane.connected,
      pending: lane.pending,
    }))
  }

  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    const lanes = this.#all()
    await this.#within(timeoutMs, Promise.all(lanes.map((lane) => lane.drained())))
    const closes = lanes.map(async (lane) => {
      const closed = await this.#within(timeoutMs, lane.close())
      if (!closed) throw new Error(`${lane.label} did not close within ${timeoutMs / 1000} s`)
    })
    const failed = (await Promise.allSettled(closes)).filter((outcome) => outcome.status === 'rejected')
    if (failed.length === 1) throw failed[0]?.reason
    if (failed.length > 1) {
      const reasons = failed.map((outcome): unknown => outcome.reason)
      throw new AggregateError(reasons, `closing the sinks: ${reasons.map(reasonOf).join('; ')}`)
    }
  }

  /** True where the promise settled in time; a rejection in time is thrown. */
  async #within(timeoutMs: number, promise: Promise<unknown>): Promise<boolean> {
    const enough = new AbortController()
    const late = sleep(this.#clock, timeoutMs, enough.signal).then(() => false)
    try {
      return await Promise.race([promise.then(() => true), late])
    } finally {
      enough.abort()
    }
  }

  #all(): Lane[] {
    return [...this.#lanes.values()].flatMap((named) => [...named.values()])
  }

  #callsOf(signal: AbortSignal): OpenCalls {
    const known = this.#calls.get(signal)
    if (known !== undefined) return known
    const calls = new OpenCalls()
    this.#calls.set(signal, calls)
    signal.addEventListener('abort', () => calls.abort(), { once: true })
    return calls
  }
}

/** Numbers the records of one call for each lane. Most calls have one record, for which a map costs more than the rest. */
class Places {
  #first: Lane | null = null
  #counts: Map<Lane, number> | null = null

  next(lane: Lane): number {
    if (this.#first === null) {
      this.#first = lane
      return 0
    }
    this.#counts ??= new Map([[this.#first, 1]])
    const place = this.#counts.get(lane) ?? 0
    this.#counts.set(lane, place + 1)
    return place
  }
}

function isRouted(record: RoutedRecord): record is Routed {
  return record instanceof Routed
}

function wantedSink(payload: unknown): unknown {
  return typeof payload === 'object' && payload !== null && 'sink' in payload ? payload.sink : undefined
}
