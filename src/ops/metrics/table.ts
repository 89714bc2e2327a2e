/** What a metric is, how it is labelled, and where its numbers come from. */
export interface MetricRow {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  /** Upper bounds; the unit is the one that the name ends with. Histograms only. */
  readonly buckets?: readonly number[]
  readonly help: string
  /** `drakkar`: named as in py-drakkar (labels may be more); `new`: only here. */
  readonly origin: 'drakkar' | 'new'
}

type Type = MetricRow['type']
type Row<T extends Type> = MetricRow & { readonly type: T }

const row =
  <T extends Type>(type: T, origin: MetricRow['origin']) =>
  (name: string, help: string, labels: readonly string[] = [], buckets?: readonly number[]): Row<T> => ({
    name: `drakkar_${name}`,
    type,
    labels,
    help,
    origin,
    ...(buckets === undefined ? {} : { buckets }),
  })

const counter: ReturnType<typeof row<'counter'>> = row('counter', 'drakkar')
const gauge: ReturnType<typeof row<'gauge'>> = row('gauge', 'drakkar')
const histogram: ReturnType<typeof row<'histogram'>> = row('histogram', 'drakkar')
const newCounter: ReturnType<typeof row<'counter'>> = row('counter', 'new')
const newGauge: ReturnType<typeof row<'gauge'>> = row('gauge', 'new')
const newHistogram: ReturnType<typeof row<'histogram'>> = row('histogram', 'new')

const PARTITION = ['topic', 'partition'] as const
const SINK = ['sink_type', 'sink_name'] as const
const RUN_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300] as const
const WAIT_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60] as const
const HOOK_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30] as const
const SINK_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5] as const
const BATCH_BUCKETS = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600] as const
const MESSAGE_BUCKETS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600] as const
const PERIODIC_BUCKETS = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60] as const
const LAG_BUCKETS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 10] as const

/** Every metric that counts events. Each counter and histogram of the worker is a row here. */
export const COUNTED = {
  consumed: counter('messages_consumed_total', 'Messages received from the source.', PARTITION),
  consumedBytes: newCounter('messages_consumed_bytes_total', 'Bytes received from the source.', PARTITION),
  alreadyDone: newCounter(
    'already_done_total',
    'Messages that the commit metadata names as finished; received again and not run again.',
    PARTITION,
  ),
  parseFailures: counter('message_parse_failures_total', 'Messages that could not be decoded or validated.', PARTITION),
  zombies: counter(
    'suppressed_zombie_deliveries_total',
    'Results that came after their partition was given up; suppressed.',
    PARTITION,
  ),
  ended: newCounter('messages_ended_total', 'Messages that ended, by end: delivered, retried, dead or dropped.', [
    ...PARTITION,
    'end',
  ]),
  dropped: newCounter('messages_dropped_total', 'Messages dropped by a written rule, by the rule.', ['rule']),
  messageSeconds: newHistogram(
    'message_duration_seconds',
    'From the admission of a message to its end.',
    [],
    MESSAGE_BUCKETS,
  ),
  expired: newCounter(
    'offsets_expired_total',
    'Offsets that the log no longer held when they were due: lost to retention.',
    PARTITION,
  ),
  tasks: counter('executor_tasks_total', 'Runs of tasks, by status: started, completed or failed.', ['status']),
  verdicts: newCounter('executor_verdicts_total', 'Runs that ended, by verdict (ok, exit, timeout, …).', ['verdict']),
  runSeconds: histogram('executor_duration_seconds', 'Wall time of a run.', [], RUN_BUCKETS),
  queueWait: histogram('executor_queue_wait_seconds', 'Wait of a task for a slot.', [], WAIT_BUCKETS),
  cpuSeconds: newCounter('executor_cpu_seconds_total', 'CPU time of finished runs, where the launcher can tell.'),
  timeouts: counter('executor_timeouts_total', 'Runs ended because they took too long.'),
  slow: newCounter('executor_slow_tasks_total', 'Runs that took longer than executor.slow_task_seconds.'),
  abandoned: newCounter(
    'function_abandoned_total',
    'Functions that ignored their signal and were given up; they may still run.',
  ),
  truncated: counter('executor_output_truncated_total', 'Runs whose output was cut at the cap, by stream.', ['stream']),
  retries: counter('task_retries_total', 'Runs of a task that failed before.'),
  precomputed: counter('tasks_precomputed_total', 'Tasks whose result was known, so that nothing was run.'),
  priorityErrors: counter('executor_priority_fn_errors_total', 'Failed calls of task_priority.'),
  idleSlots: counter(
    'executor_idle_slot_seconds_total',
    'Slots without a run × seconds, while messages wait in queues.',
  ),
  launchersStarted: newCounter('launchers_started_total', 'Launchers started, by kind.', ['kind']),
  launchersLost: newCounter('launchers_lost_total', 'Launchers that died.'),
  poolProcessesEnded: newCounter('pool_processes_ended_total', 'Persistent processes that ended, by why.', ['why']),
  windowSeconds: histogram(
    'batch_duration_seconds',
    'From a window to the end of its last message.',
    [],
    BATCH_BUCKETS,
  ),
  consumerIdle: counter('consumer_idle_seconds_total', 'Seconds with nothing to do, nothing paused and nothing held.'),
  consumerErrors: counter('consumer_errors_total', 'Errors that the Kafka client reported.'),
  committed: counter('offsets_committed_total', 'Acknowledged commits.', PARTITION),
  commitFailures: newCounter('commit_failures_total', 'Commits that were refused or not answered.', PARTITION),
  commitSeconds: newHistogram('commit_duration_seconds', 'From a commit to its answer.', [], SINK_BUCKETS),
  transactions: newCounter(
    'transactions_total',
    'Transactions of results and offsets, by outcome: committed or aborted.',
    ['outcome'],
  ),
  transactionRecords: newCounter('transaction_records_total', 'Records of committed transactions.'),
  transactionSeconds: newHistogram(
    'transaction_duration_seconds',
    'From the beginning of a transaction to its end, committed or aborted.',
    [],
    SINK_BUCKETS,
  ),
  outputsRefused: newCounter(
    'outputs_refused_total',
    'Outputs that the broker did not take in their transaction.',
    PARTITION,
  ),
  metadataIgnored: newCounter(
    'commit_metadata_ignored_total',
    'Commit metadata that was damaged or of another place or format; ignored.',
    PARTITION,
  ),
  rebalances: counter('rebalance_events_total', 'Assignments and revocations, by type: assign or revoke.', ['type']),
  partitionsLost: newCounter('partitions_lost_total', 'Partitions that were lost, not revoked: no last commit.'),
  sinkSeconds: histogram('sink_deliver_duration_seconds', 'Time of one batch in a sink.', SINK, SINK_BUCKETS),
  sinkErrors: counter('sink_deliver_errors_total', 'Batches of which at least one record was not placed.', SINK),
  sinkPayloads: counter('sink_payloads_delivered_total', 'Records that a sink acknowledged.', SINK),
  sinkRetries: counter('sink_delivery_retries_total', 'Batches sent again.', SINK),
  sinkSkipped: counter('sink_deliveries_skipped_total', 'Records let go by a written rule.', SINK),
  sinkTrips: counter('sink_circuit_trips_total', 'Times that the circuit breaker opened.', SINK),
  dead: counter('sink_dlq_messages_total', 'Messages whose dead letter is written.'),
  deadFailures: counter('dlq_send_failures_total', 'Dead letters that could not be written; tried again.'),
  hookSeconds: histogram('handler_duration_seconds', 'Time of one call of a hook.', ['hook'], HOOK_BUCKETS),
  hookErrors: counter('handler_hook_errors_total', 'Calls of a hook that threw or were refused.', ['hook']),
  periodicRuns: counter('periodic_task_runs_total', 'Runs of a periodic task, by status: ok or error.', [
    'name',
    'status',
  ]),
  periodicSeconds: histogram(
    'periodic_task_duration_seconds',
    'Time of one run of a periodic task.',
    ['name'],
    [...PERIODIC_BUCKETS],
  ),
  standstills: newCounter(
    'partition_standstills_total',
    'Times that a partition was told not to move, after standstill_seconds and each doubling of it.',
    PARTITION,
  ),
  control: newCounter('control_requests_total', 'What operators asked of the worker, by verb.', ['verb']),
  stalls: counter('runtime_stalls_total', 'Times that the event loop stood still beyond the warning limit.'),
  loopLag: histogram('loop_lag_seconds', 'Worst delay of the event loop in each beat.', [], LAG_BUCKETS),
  drainTimeouts: counter('drain_timeout_hit_total', 'Partitions with work left when a drain ran out of time.'),
} as const satisfies Record<string, Row<'counter'> | Row<'histogram'>>

/** Every metric that is read when someone asks. */
export const SHOWN = {
  worker: gauge('worker_info', 'Always 1; the labels say which worker this is.', [
    'worker_id',
    'version',
    'consumer_group',
  ]),
  ready: newGauge('worker_ready', '1 while the worker is ready, else 0.'),
  cpus: gauge('host_effective_cpus', 'CPUs that the worker may use: affinity capped by the cgroup quota.'),
  poolActive: gauge('executor_pool_active', 'Slots with a run.'),
  poolMax: gauge('executor_pool_max', 'Slots.'),
  poolWaiting: newGauge('executor_pool_waiting', 'Tasks that wait for a slot.'),
  queueSize: gauge('partition_queue_size', 'Messages that no window has taken yet.', PARTITION),
  offsetLag: gauge('offset_lag', 'Messages taken in and not ended (not the lag in Kafka).', PARTITION),
  consumerLag: newGauge(
    'consumer_lag',
    'Offsets from the first unfinished one to the end of the log, as of the last fetch.',
    PARTITION,
  ),
  inFlightBytes: newGauge('in_flight_bytes', 'Bytes of messages taken in and not ended.'),
  totalQueued: gauge('total_queued', 'Messages of all partitions that no window has taken yet.'),
  assigned: gauge('assigned_partitions', 'Partitions that this worker owns.'),
  backpressure: gauge('backpressure_active', '1 while any partition is paused for backpressure.'),
  paused: newGauge('partitions_paused', 'Paused partitions, by reason.', ['reason']),
  holds: newGauge('holds_active', 'Partitions that stand still for a named reason, by reason.', ['reason']),
  circuit: gauge('sink_circuit_open', 'Circuit breaker: 0 closed, 0.5 half open, 1 open.', SINK),
  sinkConnected: newGauge('sink_connected', '1 while the sink is connected.', SINK),
  sinkPending: newGauge('sink_pending', 'Payloads that wait for the sink or for its answer.', SINK),
  stagedBytes: newGauge('transaction_staged_bytes', 'Bytes of outputs that waited when the last transaction ended.'),
  uncommittedAtStop: gauge('uncommitted_offsets_at_stop', 'Finished or running offsets above the commits, at stop.'),
  inFlightAtStop: gauge('inflight_at_stop', 'Messages not ended when the stop began.'),
} as const satisfies Record<string, Row<'gauge'>>

const process_ = <T extends Type>(type: T, name: string, help: string): Row<T> => ({
  name,
  type,
  help,
  labels: [],
  origin: 'drakkar',
})

/** What is usual for any process, under the names that Prometheus clients share. */
export const PROCESS = {
  cpu: process_('counter', 'process_cpu_seconds_total', 'User and system CPU time of the worker process.'),
  rss: process_('gauge', 'process_resident_memory_bytes', 'Resident memory of the worker process.'),
  start: process_('gauge', 'process_start_time_seconds', 'Start of the process, seconds since the epoch.'),
  heap: process_('gauge', 'nodejs_heap_size_used_bytes', 'Used JavaScript heap.'),
  external: process_('gauge', 'nodejs_external_memory_bytes', 'Memory of buffers outside of the JavaScript heap.'),
} as const satisfies Record<string, MetricRow>

/** Every row, in the order of the reference page. */
export const METRICS: readonly MetricRow[] = [
  ...Object.values(COUNTED),
  ...Object.values(SHOWN),
  ...Object.values(PROCESS),
]
