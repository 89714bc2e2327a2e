import { safeText } from './fields.ts'
import { atReason, kindOf, listed, pauseLevel, place, type Rows, sinkKey, sinkOf } from './row.ts'

export const SINKS: Pick<
  Rows,
  'sink_delivered' | 'sink_retried' | 'sink_skipped' | 'sink_circuit' | 'sink_connected' | 'dead_letter_failed'
> = {
  sink_delivered: {
    level: (event) => (event.failed > 0 ? 'warn' : 'debug'),
    event: (event) => (event.failed > 0 ? 'sink_delivery_failed' : 'sink_delivered'),
    category: 'sink',
    fields: (event) => ({
      ...sinkOf(event),
      records: event.records,
      failed: event.failed,
      duration_ms: event.durationMs,
      ...(event.error === null ? {} : { error: safeText(event.error) }),
    }),
    repeat: (event) => `${sinkKey(event)} ${kindOf(event.error ?? '')}`,
  },
  sink_retried: {
    level: 'warn',
    event: 'sink_delivery_retry',
    category: 'sink',
    fields: (event) => ({ ...sinkOf(event), records: event.records, delay_ms: event.delayMs }),
    repeat: sinkKey,
  },
  sink_skipped: {
    level: 'warn',
    event: 'sink_delivery_skipped',
    category: 'sink',
    fields: (event) => ({ ...sinkOf(event), records: event.records }),
    repeat: sinkKey,
  },
  sink_circuit: {
    level: ({ state }) => (state === 1 ? 'error' : 'info'),
    event: ({ state }) =>
      state === 1 ? 'sink_circuit_open' : state === 0 ? 'sink_circuit_closed' : 'sink_circuit_half_open',
    category: 'sink',
    fields: sinkOf,
  },
  sink_connected: { level: 'info', event: 'sink_connected', category: 'sink', fields: sinkOf },
  dead_letter_failed: {
    level: 'error',
    event: 'dlq_send_failed',
    category: 'dlq',
    fields: ({ at, error, attempt }) => ({ ...place(at), error: safeText(error), attempt }),
    repeat: (event) => atReason(event, event.error),
  },
}

export const KAFKA: Pick<
  Rows,
  | 'committed'
  | 'commit_failed'
  | 'transaction_ended'
  | 'output_refused'
  | 'metadata_ignored'
  | 'assigned'
  | 'revoked'
  | 'paused'
  | 'resumed'
  | 'held'
  | 'hold_lifted'
  | 'client_error'
> = {
  committed: {
    level: 'debug',
    event: 'offsets_committed',
    category: 'kafka',
    fields: ({ at, offset, metadataBytes, durationMs }) => ({
      ...place(at),
      offset,
      metadata_bytes: metadataBytes,
      duration_ms: durationMs,
    }),
  },
  commit_failed: {
    level: ({ willRetry }) => (willRetry ? 'warn' : 'error'),
    event: 'commit_failed',
    category: 'kafka',
    fields: ({ at, error, willRetry }) => ({ ...listed(at), error: safeText(error), will_retry: willRetry }),
    repeat: ({ error, willRetry }) => `${kindOf(error)} ${willRetry}`,
  },
  transaction_ended: {
    level: ({ committed }) => (committed ? 'debug' : 'warn'),
    event: ({ committed }) => (committed ? 'transaction_committed' : 'transaction_aborted'),
    category: 'kafka',
    fields: ({ partitions, records, bytes, stagedBytes, durationMs, error }) => ({
      partitions,
      records,
      bytes,
      staged_bytes: stagedBytes,
      duration_ms: durationMs,
      ...(error === null ? {} : { error: safeText(error) }),
    }),
    repeat: ({ error }) => kindOf(error ?? ''),
  },
  output_refused: {
    level: ({ to }) => (to === null ? 'error' : 'warn'),
    event: 'output_refused',
    category: 'kafka',
    fields: ({ at, offset, id, to, error }) => ({ ...place(at), offset, id, to, error: safeText(error) }),
    repeat: (event) => `${event.id} ${kindOf(event.error)}`,
  },
  metadata_ignored: {
    level: 'warn',
    event: 'commit_metadata_ignored',
    category: 'kafka',
    fields: ({ at, reason }) => ({ ...place(at), reason: safeText(reason) }),
    repeat: (event) => atReason(event, event.reason),
  },
  assigned: {
    level: 'info',
    event: 'partitions_assigned',
    category: 'kafka',
    fields: ({ assignments }) => listed(assignments),
  },
  revoked: {
    level: ({ lost, drained }) => (lost || !drained ? 'warn' : 'info'),
    event: ({ lost }) => (lost ? 'partitions_lost' : 'partitions_revoked'),
    category: 'kafka',
    fields: ({ assignments, drained, durationMs }) => ({
      ...listed(assignments),
      drained,
      duration_ms: durationMs,
    }),
  },
  paused: {
    level: pauseLevel,
    event: 'partitions_paused',
    category: 'kafka',
    fields: ({ at, reason }) => ({ ...place(at), reason: safeText(reason) }),
    repeat: (event) => atReason(event, event.reason),
  },
  resumed: {
    level: pauseLevel,
    event: 'partitions_resumed',
    category: 'kafka',
    fields: ({ at, reason }) => ({ ...place(at), reason: safeText(reason) }),
    repeat: (event) => atReason(event, event.reason),
  },
  held: {
    level: 'error',
    event: 'partition_held',
    category: 'pipeline',
    fields: ({ at, hold }) => ({ ...place(at), reason: hold.reason, detail: safeText(hold.detail) }),
    repeat: (event) => atReason(event, event.hold.reason),
  },
  hold_lifted: {
    level: 'info',
    event: 'partition_hold_lifted',
    category: 'pipeline',
    fields: ({ at, hold }) => ({ ...place(at), reason: hold.reason }),
    repeat: (event) => atReason(event, event.hold.reason),
  },
  client_error: {
    level: ({ fatal }) => (fatal ? 'fatal' : 'warn'),
    event: 'consumer_error',
    category: 'kafka',
    fields: ({ error, code, fatal }) => ({ error: safeText(error), code, fatal }),
    repeat: ({ error, code, fatal }) => `${code} ${fatal} ${kindOf(error)}`,
  },
}

export const RUNTIME: Pick<
  Rows,
  'launcher_started' | 'launcher_lost' | 'pool_process_ended' | 'drain_timeout' | 'lifecycle' | 'control' | 'standstill'
> = {
  control: {
    level: ({ ok }) => (ok ? 'info' : 'warn'),
    event: ({ ok }) => (ok ? 'control_done' : 'control_refused'),
    category: 'control',
    fields: ({ verb, by, what, said }) => ({ verb, by: safeText(by), what: safeText(what), said: safeText(said) }),
  },
  standstill: {
    // A long run is usual work; everything else wants somebody.
    level: ({ kind, over }) => (over || kind === 'run' ? 'info' : 'warn'),
    event: ({ over }) => (over ? 'partition_moves_again' : 'partition_standstill'),
    category: 'pipeline',
    fields: ({ at, forMs, why, over }) => ({
      ...place(at),
      for_seconds: Math.round(forMs / 1000),
      ...(over ? {} : { why: safeText(why) }),
    }),
    repeat: (event) => atReason(event, event.kind),
  },
  pool_process_ended: {
    level: ({ fault }) => (fault ? 'warn' : 'info'),
    event: 'pool_process_ended',
    category: 'executor',
    fields: ({ program, pid, why, tasks, inFlight, ageMs, detail, fault }) => ({
      program: safeText(program),
      pid,
      why,
      tasks,
      in_flight: inFlight,
      age_seconds: Math.round(ageMs / 1000),
      ...(fault ? { detail: safeText(detail) } : {}),
    }),
    repeat: ({ program, why }) => `${program} ${why}`,
  },
  launcher_started: {
    level: 'info',
    event: 'launcher_started',
    category: 'executor',
    fields: ({ index, kind, pid, reason }) => ({ index, kind, pid, reason }),
  },
  launcher_lost: {
    level: 'error',
    event: 'launcher_lost',
    category: 'executor',
    fields: ({ index, tasks }) => ({ index, tasks }),
  },
  drain_timeout: {
    level: 'error',
    event: 'stop_processor_drain_timeout',
    category: 'pipeline',
    fields: ({ at, unfinished }) => ({ ...place(at), unfinished }),
  },
  lifecycle: {
    level: 'info',
    event: ({ phase }) =>
      ({
        starting: 'drakkar_starting',
        ready: 'drakkar_ready',
        stopping: 'drakkar_shutting_down',
        stopped: 'drakkar_stopped',
      })[phase],
    category: 'lifecycle',
    fields: ({ detail }) => (detail === undefined ? {} : { detail: safeText(detail) }),
  },
}
