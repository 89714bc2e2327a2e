import type { EventOf, Message, Outcome, Task, WorkerEvent, WorkerView } from '../../src/model/index.ts'

/** One event of every type, with values that tests can recognise. A new type of event without a sample does not compile. */
export type EventSamples = { readonly [Type in WorkerEvent['type']]: EventOf<Type> }

/** Stands for everything that logs and metrics must never show. */
export const SECRET = 'hunter2-payload'

const at = { topic: 'jobs', partition: 3 }
const assignment = { ...at, epoch: 1, owner: 7 }
const hold = { reason: 'binary', detail: '/bin/nothing does not exist' }

export const sampleMessage: Message = {
  ...at,
  offset: 41,
  key: Buffer.from(SECRET),
  value: Buffer.from(SECRET),
  timestamp: 1_000,
  headers: [['token', Buffer.from(SECRET)]],
  payload: { password: SECRET },
  label: 'order 41',
}

export const sampleTask: Task = {
  id: 'jobs:3:41:0',
  messages: [sampleMessage],
  args: ['--password', SECRET],
  env: { TOKEN: SECRET },
  metadata: { secret: SECRET },
  labels: {},
}

export function sampleOutcome(over: Partial<Outcome> = {}): Outcome {
  return {
    verdict: 'ok',
    exitCode: 0,
    signal: null,
    stdout: Buffer.from(SECRET),
    stderr: Buffer.from(SECRET),
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: 99,
    wallMs: 1500,
    ...over,
  }
}

export const samples: EventSamples = {
  consumed: { type: 'consumed', at, count: 5, bytes: 500 },
  already_done: { type: 'already_done', at, offset: 40 },
  parse_failed: {
    type: 'parse_failed',
    message: sampleMessage,
    reason: `Unexpected token 'h', "${SECRET}" is not valid JSON`,
  },
  arranged: { type: 'arranged', at, window: 2, messages: [sampleMessage], tasks: 4, durationMs: 3 },
  task_started: { type: 'task_started', task: sampleTask, slot: 1, attempt: 1, queueWaitMs: 20 },
  task_finished: {
    type: 'task_finished',
    task: sampleTask,
    slot: 1,
    attempt: 1,
    outcome: sampleOutcome({ cpuUs: 2_000_000 }),
    failed: false,
  },
  function_abandoned: { type: 'function_abandoned', task: sampleTask, afterMs: 35_000 },
  task_retried: { type: 'task_retried', task: sampleTask, attempt: 2, delayMs: 100 },
  priority_failed: { type: 'priority_failed', task: sampleTask, error: new Error('not comparable') },
  hook_finished: {
    type: 'hook_finished',
    hook: 'on_task_complete',
    durationMs: 40,
    error: new Error('no such column'),
  },
  message_ended: { type: 'message_ended', message: sampleMessage, end: { kind: 'delivered' }, durationMs: 700 },
  window_ended: { type: 'window_ended', at, window: 2, tasks: 4, durationMs: 4_000 },
  sink_delivered: {
    type: 'sink_delivered',
    kind: 'kafka',
    sink: 'output',
    records: 10,
    failed: 2,
    durationMs: 30,
    error: 'cannot reach https://bob:hunter2@sink.example/x',
  },
  sink_retried: { type: 'sink_retried', kind: 'kafka', sink: 'output', records: 2, delayMs: 50 },
  sink_skipped: { type: 'sink_skipped', kind: 'kafka', sink: 'output', records: 3 },
  sink_circuit: { type: 'sink_circuit', kind: 'kafka', sink: 'output', state: 1 },
  sink_connected: { type: 'sink_connected', kind: 'kafka', sink: 'output' },
  dead_letter_failed: { type: 'dead_letter_failed', at, error: 'topic is gone', attempt: 3 },
  committed: { type: 'committed', at, offset: 42, metadataBytes: 12, durationMs: 8 },
  commit_failed: { type: 'commit_failed', at: [at], error: 'rebalance in progress', willRetry: true },
  transaction_ended: {
    type: 'transaction_ended',
    committed: true,
    partitions: 2,
    records: 30,
    bytes: 4000,
    stagedBytes: 500,
    durationMs: 20,
    error: null,
  },
  output_refused: { type: 'output_refused', at, offset: 7, id: 'jobs:4:7:0/kafka:out/0', to: null, error: 'too large' },
  metadata_ignored: { type: 'metadata_ignored', at, reason: 'checksum' },
  assigned: { type: 'assigned', assignments: [assignment] },
  revoked: { type: 'revoked', assignments: [assignment], lost: true, drained: false, durationMs: 12 },
  paused: { type: 'paused', at, reason: 'span' },
  resumed: { type: 'resumed', at, reason: 'span' },
  held: { type: 'held', at, hold },
  hold_lifted: { type: 'hold_lifted', at, hold },
  expired: { type: 'expired', at, from: 10, to: 25 },
  late_result: { type: 'late_result', at },
  client_error: { type: 'client_error', error: 'broker transport failure', code: '-195', fatal: false },
  launcher_started: { type: 'launcher_started', index: 0, kind: 'native', pid: 77 },
  launcher_lost: { type: 'launcher_lost', index: 0, tasks: 4 },
  pool_process_ended: {
    type: 'pool_process_ended',
    program: './score',
    pid: 78,
    why: 'protocol',
    fault: true,
    tasks: 12,
    inFlight: 1,
    ageMs: 61_000,
    detail: 'it wrote a line that is not JSON: "hello"',
  },
  control: { type: 'control', verb: 'set', by: 'ann (cli)', what: 'max_executors=8', ok: true, said: 'it is 8 now' },
  standstill: { type: 'standstill', at, forMs: 60_000, kind: 'held', why: 'held: binary: missing', over: false },
  task_slow: { type: 'task_slow', task: sampleTask, slot: 1, pid: 99, forMs: 31_000 },
  periodic_run: { type: 'periodic_run', name: 'refresh', durationMs: 200, error: null },
  hook_blocked: { type: 'hook_blocked', hook: 'arrange', seconds: 6.5 },
  drain_timeout: { type: 'drain_timeout', at, unfinished: 2 },
  lifecycle: { type: 'lifecycle', phase: 'stopping', detail: 'SIGTERM' },
}

/** A worker with one busy, paused and held partition. */
export function sampleView(over: Partial<WorkerView> = {}): WorkerView {
  return {
    phase: 'ready',
    workerId: 'w1',
    notReady: [],
    partitions: [
      {
        ...at,
        epoch: 1,
        inFlight: 6,
        queued: 4,
        bytes: 1024,
        position: 41,
        committed: 33,
        paused: ['backpressure:messages', 'held:binary'],
        holds: [hold],
        head: {
          offset: 41,
          ageMs: 700,
          waits: { kind: 'run', taskId: 'jobs:3:41:0', pid: 99, slot: 1, attempt: 1, forMs: 650 },
        },
        commitFailure: null,
        claimed: true,
        end: 50,
        lastFetchMs: 30,
      },
    ],
    executor: { slots: 8, running: 3, waiting: 2, kept: [] },
    sinks: [{ kind: 'kafka', name: 'output', connected: true, pending: 9 }],
    brokersAwayMs: null,
    ...over,
  }
}
