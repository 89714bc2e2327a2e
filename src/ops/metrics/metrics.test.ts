import { describe, expect, it } from 'vitest'
import { SECRET, sampleOutcome, samples, sampleTask, sampleView } from '../../../test/support/worker-events.ts'
import type { Clock } from '../../lib/index.ts'
import type { WorkerEvent, WorkerView } from '../../model/index.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { METRICS } from './table.ts'

const still: Clock = { now: () => 0, monotonic: () => 0, timer: () => ({ cancel: () => {} }) }

function create(view: () => WorkerView = () => sampleView(), clock: Clock = still): Metrics {
  return createMetrics({ view, clock, workerId: 'w1', version: '1.2.3', group: 'g' })
}

/** Lines of values without what differs from run to run. */
async function lines(metrics: Metrics): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith('drakkar_'))
}

/** What the event changed: lines that were not there before, but not new zeros. */
async function movedBy(...events: readonly WorkerEvent[]): Promise<string[]> {
  const metrics = create()
  const before = new Set(await lines(metrics))
  for (const event of events) metrics.listen(event)
  const after = await lines(metrics)
  return after.filter((line) => !before.has(line) && !line.endsWith(' 0') && !line.includes('_bucket'))
}

const P = 'topic="jobs",partition="3"'
const S = 'sink_type="kafka",sink_name="output"'
const seconds = (name: string, sum: number, labels = '') => [
  `drakkar_${name}_sum${labels} ${sum}`,
  `drakkar_${name}_count${labels} 1`,
]

/** Per type of event, what it moves. Types that only a gauge shows, or only the log, move nothing. */
const MOVES: { readonly [Type in WorkerEvent['type']]: readonly string[] } = {
  consumed: [`drakkar_messages_consumed_total{${P}} 5`, `drakkar_messages_consumed_bytes_total{${P}} 500`],
  already_done: [`drakkar_already_done_total{${P}} 1`],
  parse_failed: [`drakkar_message_parse_failures_total{${P}} 1`],
  arranged: [],
  task_started: ['drakkar_executor_tasks_total{status="started"} 1', ...seconds('executor_queue_wait_seconds', 0.02)],
  task_finished: [
    'drakkar_executor_tasks_total{status="completed"} 1',
    'drakkar_executor_verdicts_total{verdict="ok"} 1',
    ...seconds('executor_duration_seconds', 1.5),
    'drakkar_executor_cpu_seconds_total 2',
  ],
  task_retried: ['drakkar_task_retries_total 1'],
  control: ['drakkar_control_requests_total{verb="set"} 1'],
  standstill: [`drakkar_partition_standstills_total{${P}} 1`],
  task_slow: ['drakkar_executor_slow_tasks_total 1'],
  function_abandoned: ['drakkar_function_abandoned_total 1'],
  priority_failed: ['drakkar_executor_priority_fn_errors_total 1'],
  hook_finished: [
    ...seconds('handler_duration_seconds', 0.04, '{hook="on_task_complete"}'),
    'drakkar_handler_hook_errors_total{hook="on_task_complete"} 1',
  ],
  message_ended: [`drakkar_messages_ended_total{${P},end="delivered"} 1`, ...seconds('message_duration_seconds', 0.7)],
  window_ended: seconds('batch_duration_seconds', 4),
  sink_delivered: [
    ...seconds('sink_deliver_duration_seconds', 0.03, `{${S}}`),
    `drakkar_sink_deliver_errors_total{${S}} 1`,
    `drakkar_sink_payloads_delivered_total{${S}} 8`,
  ],
  sink_retried: [`drakkar_sink_delivery_retries_total{${S}} 1`],
  sink_skipped: [`drakkar_sink_deliveries_skipped_total{${S}} 3`],
  sink_circuit: [`drakkar_sink_circuit_trips_total{${S}} 1`, `drakkar_sink_circuit_open{${S}} 1`],
  sink_connected: [],
  dead_letter_failed: ['drakkar_dlq_send_failures_total 1'],
  committed: [`drakkar_offsets_committed_total{${P}} 1`, ...seconds('commit_duration_seconds', 0.008)],
  commit_failed: [`drakkar_commit_failures_total{${P}} 1`],
  transaction_ended: [
    'drakkar_transactions_total{outcome="committed"} 1',
    'drakkar_transaction_records_total 30',
    'drakkar_transaction_staged_bytes 500',
    ...seconds('transaction_duration_seconds', 0.02),
  ],
  output_refused: [`drakkar_outputs_refused_total{${P}} 1`],
  metadata_ignored: [`drakkar_commit_metadata_ignored_total{${P}} 1`],
  assigned: ['drakkar_rebalance_events_total{type="assign"} 1'],
  revoked: ['drakkar_rebalance_events_total{type="revoke"} 1', 'drakkar_partitions_lost_total 1'],
  paused: [],
  resumed: [],
  held: [],
  hold_lifted: [],
  expired: [`drakkar_offsets_expired_total{${P}} 15`],
  late_result: [`drakkar_suppressed_zombie_deliveries_total{${P}} 1`],
  client_error: ['drakkar_consumer_errors_total 1'],
  launcher_started: ['drakkar_launchers_started_total{kind="native"} 1'],
  pool_process_ended: ['drakkar_pool_processes_ended_total{why="protocol"} 1'],
  launcher_lost: ['drakkar_launchers_lost_total 1'],
  periodic_run: [
    'drakkar_periodic_task_runs_total{name="refresh",status="ok"} 1',
    ...seconds('periodic_task_duration_seconds', 0.2, '{name="refresh"}'),
  ],
  hook_blocked: ['drakkar_runtime_stalls_total 1'],
  drain_timeout: ['drakkar_drain_timeout_hit_total 1'],
  lifecycle: ['drakkar_uncommitted_offsets_at_stop 8', 'drakkar_inflight_at_stop 6'],
}

describe('metrics of events', () => {
  it.each(Object.entries(MOVES))('%s moves what it should and nothing else', async (type, expected) => {
    const event = samples[type as WorkerEvent['type']]
    expect((await movedBy(event)).sort()).toEqual([...expected].sort())
  })

  it('counts the other ends, verdicts and cuts', async () => {
    const message = samples.message_ended.message
    const moved = await movedBy(
      { ...samples.message_ended, end: { kind: 'dead', to: 'jobs_dlq', offset: 5 } },
      { ...samples.message_ended, end: { kind: 'retried', topic: 'jobs_retry', offset: 5 } },
      { ...samples.message_ended, message, end: { kind: 'dropped', rule: 'skip "odd"' } },
      {
        ...samples.task_finished,
        failed: true,
        outcome: sampleOutcome({ verdict: 'timeout', stdoutTruncated: true, stderrTruncated: true }),
      },
      { ...samples.task_finished, slot: null, task: { ...sampleTask, precomputed: {} } },
      { ...samples.periodic_run, error: new Error('no') },
    )
    expect(moved).toEqual(
      expect.arrayContaining([
        `drakkar_messages_ended_total{${P},end="dead"} 1`,
        `drakkar_messages_ended_total{${P},end="retried"} 1`,
        `drakkar_messages_ended_total{${P},end="dropped"} 1`,
        'drakkar_messages_dropped_total{rule="skip \\"odd\\""} 1',
        'drakkar_sink_dlq_messages_total 1',
        'drakkar_executor_tasks_total{status="failed"} 1',
        'drakkar_executor_verdicts_total{verdict="timeout"} 1',
        'drakkar_executor_timeouts_total 1',
        'drakkar_executor_output_truncated_total{stream="stdout"} 1',
        'drakkar_executor_output_truncated_total{stream="stderr"} 1',
        'drakkar_tasks_precomputed_total 1',
        'drakkar_periodic_task_runs_total{name="refresh",status="error"} 1',
      ]),
    )
  })

  it('cumulates buckets', async () => {
    const metrics = create()
    for (const wallMs of [10, 11, 400_000])
      metrics.listen({ ...samples.task_finished, outcome: sampleOutcome({ wallMs }) })
    const of = (await lines(metrics)).filter((line) => line.startsWith('drakkar_executor_duration_seconds'))
    expect(of).toContain('drakkar_executor_duration_seconds_bucket{le="0.01"} 1')
    expect(of).toContain('drakkar_executor_duration_seconds_bucket{le="0.025"} 2')
    expect(of).toContain('drakkar_executor_duration_seconds_bucket{le="300"} 2')
    expect(of).toContain('drakkar_executor_duration_seconds_bucket{le="+Inf"} 3')
    expect(of).toContain('drakkar_executor_duration_seconds_count 3')
  })
})

describe('the text', () => {
  it('has a described sample of every row of the table, and none of a payload', async () => {
    const metrics = create()
    for (const event of Object.values(samples)) metrics.listen(event)
    metrics.listen({ ...samples.message_ended, end: { kind: 'dropped', rule: 'skip' } })
    const text = await metrics.text()
    for (const row of METRICS) {
      expect(text).toContain(`# TYPE ${row.name} ${row.type}\n`)
      const sample = new RegExp(
        `^${row.name}(_count|)(\\{${row.labels.map((label) => `${label}="[^"]*"`).join(',')}\\}|) \\d`,
        'm',
      )
      expect(text).toMatch(sample)
    }
    expect(new Set(METRICS.map((row) => row.name)).size).toBe(METRICS.length)
    expect(text).not.toContain(SECRET)
  })

  it('shows the worker as it is at each scrape, in one look, and forgets partitions that are gone', async () => {
    let looks = 0
    let view = sampleView()
    const metrics = create(() => {
      looks += 1
      return view
    })
    const first = await lines(metrics)
    expect(first).toEqual(
      expect.arrayContaining([
        'drakkar_worker_info{worker_id="w1",version="1.2.3",consumer_group="g"} 1',
        'drakkar_worker_ready 1',
        'drakkar_executor_pool_active 3',
        'drakkar_executor_pool_max 8',
        'drakkar_executor_pool_waiting 2',
        `drakkar_partition_queue_size{${P}} 4`,
        `drakkar_offset_lag{${P}} 6`,
        'drakkar_total_queued 4',
        'drakkar_in_flight_bytes 1024',
        'drakkar_assigned_partitions 1',
        'drakkar_backpressure_active 1',
        'drakkar_partitions_paused{reason="held:binary"} 1',
        'drakkar_holds_active{reason="binary"} 1',
        `drakkar_sink_connected{${S}} 1`,
        `drakkar_sink_pending{${S}} 9`,
      ]),
    )
    expect(looks).toBe(1)
    view = sampleView({ partitions: [], notReady: ['no partitions'] })
    const second = await lines(metrics)
    expect(looks).toBe(2)
    expect(second.filter((line) => line.includes('partition="3"') || line.includes('reason='))).toEqual([])
    expect(second).toContain('drakkar_worker_ready 0')
    expect(second).toContain('drakkar_backpressure_active 0')
  })

  it('bounds what a handler can name', async () => {
    const metrics = create()
    for (let index = 0; index < 1_000; index += 1)
      metrics.listen({ ...samples.message_ended, end: { kind: 'dropped', rule: `rule ${index}` } })
    const rules = (await lines(metrics)).filter((line) => line.startsWith('drakkar_messages_dropped_total'))
    expect(rules.length).toBe(201)
    expect(rules).toContain('drakkar_messages_dropped_total{rule="other"} 800')
  })

  it('fails where the view fails, and works again after it', async () => {
    let broken = true
    const metrics = create(() => {
      if (broken) throw new Error('no view')
      return sampleView()
    })
    await expect(metrics.text()).rejects.toThrow('no view')
    broken = false
    await expect(metrics.text()).resolves.toContain('drakkar_worker_ready 1')
  })
})

describe('idle seconds', () => {
  it('counts idle slots while messages wait, and rest while nothing does', async () => {
    let now = 0
    let fire = (): void => {}
    const clock: Clock = {
      now: () => now,
      monotonic: () => now,
      timer: (_ms, run) => {
        fire = run
        return { cancel: () => {} }
      },
    }
    let view = sampleView()
    const metrics = create(() => view, clock)
    metrics.start()
    now = 1000
    fire()
    view = sampleView({
      executor: { slots: 8, running: 0, waiting: 0, kept: [] },
      partitions: sampleView().partitions.map((at) => ({ ...at, inFlight: 0, queued: 0, paused: [], holds: [] })),
    })
    now = 3000
    fire()
    metrics.loopLag(0.03)
    metrics.stop()
    const text = await lines(metrics)
    expect(text).toContain('drakkar_executor_idle_slot_seconds_total 5')
    expect(text).toContain('drakkar_consumer_idle_seconds_total 2')
    expect(text).toContain('drakkar_loop_lag_seconds_bucket{le="0.05"} 1')
  })
})
