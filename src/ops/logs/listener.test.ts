import { describe, expect, it } from 'vitest'
import { SECRET, samples } from '../../../test/support/worker-events.ts'
import type { WorkerEvent } from '../../model/index.ts'
import { type VirtualClock, virtualClock } from '../../testing/index.ts'
import type { LogLevel } from './level.ts'
import { createLogListener, type LogListener } from './listener.ts'
import { createLogger } from './logger.ts'

interface World {
  readonly clock: VirtualClock
  readonly listener: LogListener
  readonly lines: Record<string, unknown>[]
}

function world(level: LogLevel): World {
  const lines: Record<string, unknown>[] = []
  const clock = virtualClock(0)
  const logger = createLogger({
    level,
    format: 'json',
    output: 'stderr',
    serviceVersion: '1.2.3',
    workerId: 'w1',
    group: 'g',
    clock,
    destination: {
      write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
      flushSync: () => {},
      close: async () => {},
    },
  })
  return { clock, lines, listener: createLogListener(logger, clock) }
}

const COMMON = {
  timestamp: '1970-01-01T00:00:00.000Z',
  service_name: 'drakkar',
  service_version: '1.2.3',
  worker_id: 'w1',
  consumer_group: 'g',
}
const at = { topic: 'jobs', partition: 3 }
const sink = { category: 'sink', sink_type: 'kafka', sink_name: 'output' }
const task = { task_id: 'jobs:3:41:0', ...at, offsets: [41] }
const partitions = { partitions: ['jobs:3'], count: 1 }
const kafka = { category: 'kafka', ...at }
const stack = expect.stringContaining('Error: ')

/** The golden line of each type of event: level, event, and everything else that it says. */
const GOLDEN: { readonly [Type in WorkerEvent['type']]: readonly [string, string, Record<string, unknown>] } = {
  consumed: ['debug', 'messages_consumed', { ...kafka, count: 5, bytes: 500 }],
  already_done: ['debug', 'message_already_done', { ...kafka, offset: 40 }],
  parse_failed: [
    'warning',
    'message_parse_failed',
    { category: 'message', ...at, offset: 41, error: "Unexpected token 'h' (not valid JSON)" },
  ],
  arranged: [
    'debug',
    'window_arranged',
    { category: 'pipeline', ...at, window: 2, offsets: [41], tasks: 4, duration_ms: 3 },
  ],
  task_started: [
    'debug',
    'executor_task_started',
    { category: 'executor', ...task, slot: 1, attempt: 1, queue_wait_ms: 20 },
  ],
  task_finished: [
    'debug',
    'executor_task_completed',
    { category: 'executor', ...task, slot: 1, attempt: 1, verdict: 'ok', exit_code: 0, pid: 99, duration_ms: 1500 },
  ],
  task_retried: ['debug', 'task_retried', { category: 'executor', ...task, attempt: 2, delay_ms: 100 }],
  control: [
    'info',
    'control_done',
    { category: 'control', verb: 'set', by: 'ann (cli)', what: 'max_executors=8', said: 'it is 8 now' },
  ],
  standstill: [
    'warning',
    'partition_standstill',
    { category: 'pipeline', ...at, for_seconds: 60, why: 'held: binary: missing' },
  ],
  task_slow: ['warning', 'executor_task_slow', { category: 'executor', ...task, slot: 1, pid: 99, running_ms: 31_000 }],
  function_abandoned: ['warning', 'function_abandoned', { category: 'executor', ...task, after_ms: 35_000 }],
  priority_failed: [
    'warning',
    'priority_fn_failed',
    { category: 'handler', ...task, hook: 'task_priority', error: 'not comparable', stack },
  ],
  hook_finished: [
    'error',
    'on_task_complete_failed',
    { category: 'handler', hook: 'on_task_complete', duration_ms: 40, error: 'no such column', stack },
  ],
  message_ended: ['debug', 'message_completed', { category: 'message', ...at, offset: 41, duration_ms: 700 }],
  window_ended: ['debug', 'window_completed', { category: 'pipeline', ...at, window: 2, tasks: 4, duration_ms: 4000 }],
  sink_delivered: [
    'warning',
    'sink_delivery_failed',
    { ...sink, records: 10, failed: 2, duration_ms: 30, error: 'cannot reach https://***@sink.example/x' },
  ],
  sink_retried: ['warning', 'sink_delivery_retry', { ...sink, records: 2, delay_ms: 50 }],
  sink_skipped: ['warning', 'sink_delivery_skipped', { ...sink, records: 3 }],
  sink_circuit: ['error', 'sink_circuit_open', sink],
  sink_connected: ['info', 'sink_connected', sink],
  dead_letter_failed: ['error', 'dlq_send_failed', { category: 'dlq', ...at, error: 'topic is gone', attempt: 3 }],
  committed: ['debug', 'offsets_committed', { ...kafka, offset: 42, metadata_bytes: 12, duration_ms: 8 }],
  commit_failed: [
    'warning',
    'commit_failed',
    { category: 'kafka', ...partitions, error: 'rebalance in progress', will_retry: true },
  ],
  transaction_ended: [
    'debug',
    'transaction_committed',
    { category: 'kafka', partitions: 2, records: 30, bytes: 4000, staged_bytes: 500, duration_ms: 20 },
  ],
  output_refused: [
    'error',
    'output_refused',
    { ...kafka, offset: 7, id: 'jobs:4:7:0/kafka:out/0', to: null, error: 'too large' },
  ],
  metadata_ignored: ['warning', 'commit_metadata_ignored', { ...kafka, reason: 'checksum' }],
  assigned: ['info', 'partitions_assigned', { category: 'kafka', ...partitions }],
  revoked: ['warning', 'partitions_lost', { category: 'kafka', ...partitions, drained: false, duration_ms: 12 }],
  paused: ['info', 'partitions_paused', { ...kafka, reason: 'span' }],
  resumed: ['info', 'partitions_resumed', { ...kafka, reason: 'span' }],
  held: [
    'error',
    'partition_held',
    { category: 'pipeline', ...at, reason: 'binary', detail: '/bin/nothing does not exist' },
  ],
  hold_lifted: ['info', 'partition_hold_lifted', { category: 'pipeline', ...at, reason: 'binary' }],
  expired: ['error', 'offsets_expired', { ...kafka, from: 10, to: 25, count: 15 }],
  late_result: ['warning', 'zombie_delivery_suppressed', { category: 'pipeline', ...at }],
  client_error: [
    'warning',
    'consumer_error',
    { category: 'kafka', error: 'broker transport failure', code: '-195', fatal: false },
  ],
  launcher_started: ['info', 'launcher_started', { category: 'executor', index: 0, kind: 'native', pid: 77 }],
  pool_process_ended: [
    'warning',
    'pool_process_ended',
    {
      category: 'executor',
      program: './score',
      pid: 78,
      why: 'protocol',
      tasks: 12,
      in_flight: 1,
      age_seconds: 61,
      detail: 'it wrote a line that is not JSON: "hello"',
    },
  ],
  launcher_lost: ['error', 'launcher_lost', { category: 'executor', index: 0, tasks: 4 }],
  periodic_run: ['debug', 'periodic_task_completed', { category: 'periodic', name: 'refresh', duration_ms: 200 }],
  hook_blocked: ['error', 'hook_blocked', { category: 'handler', hook: 'arrange', seconds: 6.5 }],
  drain_timeout: ['error', 'stop_processor_drain_timeout', { category: 'pipeline', ...at, unfinished: 2 }],
  lifecycle: ['info', 'drakkar_shutting_down', { category: 'lifecycle', detail: 'SIGTERM' }],
}

describe('lines of events', () => {
  it.each(Object.entries(GOLDEN))('%s', (type, [level, event, fields]) => {
    const { listener, lines } = world('debug')
    listener.listen(samples[type as WorkerEvent['type']])
    listener.close()
    expect(lines).toEqual([{ ...COMMON, level, event, ...fields }])
    expect(JSON.stringify(lines)).not.toContain(SECRET)
    expect(JSON.stringify(lines)).not.toContain('hunter2')
  })

  it.each<[Partial<WorkerEvent> & { type: WorkerEvent['type'] }, string, string]>([
    [{ type: 'message_ended', end: { kind: 'dead', to: 'jobs_dlq', offset: 9 } }, 'warning', 'dlq_message_sent'],
    [{ type: 'message_ended', end: { kind: 'dropped', rule: 'skip' } }, 'info', 'message_dropped'],
    [{ type: 'hook_finished', hook: 'on_error' }, 'error', 'on_error_hook_failed'],
    [{ type: 'hook_finished', hook: 'input' }, 'debug', 'input_failed'],
    [{ type: 'task_finished', failed: true }, 'debug', 'executor_task_failed'],
    [{ type: 'revoked', lost: false, drained: true }, 'info', 'partitions_revoked'],
    [{ type: 'client_error', fatal: true }, 'critical', 'consumer_error'],
    [{ type: 'periodic_run', error: new Error('no') }, 'error', 'periodic_task_failed'],
    [{ type: 'sink_circuit', state: 0 }, 'info', 'sink_circuit_closed'],
    [{ type: 'paused', reason: 'backpressure:bytes' }, 'debug', 'partitions_paused'],
    [{ type: 'commit_failed', willRetry: false }, 'error', 'commit_failed'],
  ])('%o is %s %s', (change, level, name) => {
    const { listener, lines } = world('debug')
    listener.listen({ ...samples[change.type], ...change } as WorkerEvent)
    listener.close()
    expect(lines).toMatchObject([{ level, event: name }])
  })

  it('builds nothing for a level that is off', () => {
    const { listener, lines } = world('info')
    const event = { ...samples.task_finished }
    Object.defineProperty(event, 'task', {
      get: () => {
        throw new Error('looked at')
      },
    })
    listener.listen(event)
    expect(lines).toEqual([])
  })
})

describe('repeated lines', () => {
  it('writes the first, then a count every 10 seconds, and forgets when it is quiet', async () => {
    const { clock, listener, lines } = world('info')
    for (let offset = 0; offset < 100; offset += 1)
      listener.listen({
        ...samples.parse_failed,
        message: { ...samples.parse_failed.message, offset },
        reason: `bad byte at ${offset}`,
      })
    expect(lines).toMatchObject([{ offset: 0 }])
    await clock.run(10_000)
    expect(lines).toMatchObject([{ offset: 0 }, { offset: 99, repeated: 99 }])
    await clock.run(20_000)
    expect(clock.scheduled).toBe(0)
    listener.listen(samples.parse_failed)
    expect(lines.length).toBe(3)
    expect(lines[2]).not.toHaveProperty('repeated')
  })

  it('tells partitions and reasons apart', () => {
    const { listener, lines } = world('info')
    listener.listen(samples.held)
    listener.listen({ ...samples.held, at: { topic: 'jobs', partition: 4 } })
    listener.listen({ ...samples.held, hold: { reason: 'sink kafka:output', detail: '' } })
    listener.listen(samples.held)
    expect(lines.length).toBe(3)
  })

  it('writes the counts that are held back when it closes, and leaves no timer', () => {
    const { clock, listener, lines } = world('info')
    for (let times = 0; times < 3; times += 1) listener.listen(samples.late_result)
    listener.close()
    expect(lines.map((line) => line['repeated'])).toEqual([undefined, 2])
    expect(clock.scheduled).toBe(0)
  })

  it('stays bounded when every line is of another kind', () => {
    const { clock, listener } = world('info')
    for (let index = 0; index < 5_000; index += 1)
      listener.listen({
        ...samples.parse_failed,
        reason: `${'x'.repeat(index % 150)}${String.fromCharCode(97 + (index % 26))}${index % 150}y${'z'.repeat(Math.floor(index / 150))}`,
      })
    expect(clock.scheduled).toBeLessThanOrEqual(1_001)
  })

  it('never holds back a fatal line', () => {
    const { listener, lines } = world('info')
    listener.listen({ ...samples.client_error, fatal: true })
    listener.listen({ ...samples.client_error, fatal: true })
    expect(lines.length).toBe(2)
  })
})
