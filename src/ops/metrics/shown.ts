import { availableParallelism } from 'node:os'
import { type EventOf, isReady, type WorkerView } from '../../model/index.ts'
import type { SHOWN } from './table.ts'

/** One value with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Who the worker is; the labels of `drakkar_worker_info`. */
export interface Identity {
  readonly workerId: string
  readonly version: string
  /** Consumer group; '' where the source is not Kafka. */
  readonly group: string
}

/** What gauges show that is in no view: the last thing that an event said. */
export interface LastSaid {
  readonly circuits: Map<string, EventOf<'sink_circuit'>>
  stagedBytes: number | null
  stop: { readonly uncommitted: number; readonly inFlight: number } | null
}

export type ShownValues = { readonly [Name in keyof typeof SHOWN]: readonly Sample[] }

/**
 * The values of all gauges in one look at the worker. Partitions, reasons and sinks that are gone from the view have no
 * sample any more.
 */
export function shownValues(view: WorkerView, identity: Identity, last: LastSaid): ShownValues {
  const { partitions, executor, sinks } = view
  const perPartition = (value: (at: WorkerView['partitions'][number]) => number): Sample[] =>
    partitions.map((at) => sampleAt(at, value(at)))
  const perSink = (value: (sink: WorkerView['sinks'][number]) => number): Sample[] =>
    sinks.map((sink) => ({ labels: { sink_type: sink.kind, sink_name: sink.name }, value: value(sink) }))
  const backpressure = partitions.some((at) => at.paused.some((reason) => reason.startsWith('backpressure')))
  return {
    worker: [
      {
        labels: { worker_id: identity.workerId, version: identity.version, consumer_group: identity.group },
        value: 1,
      },
    ],
    ready: one(isReady(view) ? 1 : 0),
    cpus: one(availableParallelism()),
    poolActive: one(executor.running),
    poolMax: one(executor.slots),
    poolWaiting: one(executor.waiting),
    queueSize: perPartition((at) => at.queued),
    offsetLag: perPartition((at) => at.inFlight),
    consumerLag: partitions.flatMap((at) => (at.end === null ? [] : [sampleAt(at, Math.max(0, at.end - at.position))])),
    inFlightBytes: one(total(partitions.map((at) => at.bytes))),
    totalQueued: one(total(partitions.map((at) => at.queued))),
    assigned: one(partitions.length),
    backpressure: one(backpressure ? 1 : 0),
    paused: byReason(partitions.map((at) => at.paused)),
    holds: byReason(partitions.map((at) => at.holds.map((hold) => hold.reason))),
    circuit: [...last.circuits.values()].map(({ kind, sink, state }) => ({
      labels: { sink_type: kind, sink_name: sink },
      value: state,
    })),
    sinkConnected: perSink((sink) => (sink.connected ? 1 : 0)),
    sinkPending: perSink((sink) => sink.pending),
    stagedBytes: last.stagedBytes === null ? [] : one(last.stagedBytes),
    uncommittedAtStop: last.stop === null ? [] : one(last.stop.uncommitted),
    inFlightAtStop: last.stop === null ? [] : one(last.stop.inFlight),
  }
}

/** What `uncommitted_offsets_at_stop` and `inflight_at_stop` keep of the moment at which the stop began. */
export function atStop(view: WorkerView): { readonly uncommitted: number; readonly inFlight: number } {
  return {
    uncommitted: total(view.partitions.map((at) => Math.max(at.inFlight, at.position - (at.committed ?? at.position)))),
    inFlight: total(view.partitions.map((at) => at.inFlight)),
  }
}

function sampleAt(at: { readonly topic: string; readonly partition: number }, value: number): Sample {
  return { labels: { topic: at.topic, partition: String(at.partition) }, value }
}

function byReason(reasons: readonly (readonly string[])[]): Sample[] {
  const counts = new Map<string, number>()
  for (const ofPartition of reasons) {
    for (const reason of new Set(ofPartition)) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts].map(([reason, value]) => ({ labels: { reason }, value }))
}

function one(value: number): readonly Sample[] {
  return [{ labels: {}, value }]
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
