import { type EventOf, partitionKey, reasonOf } from '../../model/index.ts'
import { errorFields, type Fields, safeText } from './fields.ts'
import { failed, kindOf, offsets, place, type Rows, record, taskOf } from './row.ts'

export const MESSAGES: Pick<
  Rows,
  | 'consumed'
  | 'already_done'
  | 'parse_failed'
  | 'arranged'
  | 'message_ended'
  | 'window_ended'
  | 'late_result'
  | 'expired'
> = {
  consumed: {
    level: 'debug',
    event: 'messages_consumed',
    category: 'kafka',
    fields: ({ at, count, bytes }) => ({ ...place(at), count, bytes }),
  },
  already_done: {
    level: 'debug',
    event: 'message_already_done',
    category: 'kafka',
    fields: ({ at, offset }) => ({ ...place(at), offset }),
  },
  parse_failed: {
    level: 'warn',
    event: 'message_parse_failed',
    category: 'message',
    fields: ({ message, reason }) => ({ ...record(message), error: safeText(reason) }),
    repeat: ({ message, reason }) => `${partitionKey(message)} ${kindOf(safeText(reason))}`,
  },
  arranged: {
    level: 'debug',
    event: 'window_arranged',
    category: 'pipeline',
    fields: ({ at, window, messages, tasks, durationMs }) => ({
      ...place(at),
      window,
      offsets: offsets(messages),
      tasks,
      duration_ms: durationMs,
    }),
  },
  message_ended: {
    level: ({ end }) => (end.kind === 'dead' ? 'warn' : end.kind === 'dropped' ? 'info' : 'debug'),
    event: ({ end }) =>
      ({
        delivered: 'message_completed',
        retried: 'message_retried',
        dead: 'dlq_message_sent',
        dropped: 'message_dropped',
      })[end.kind],
    category: 'message',
    fields: ({ message, end, durationMs }) => ({ ...record(message), ...endFields(end), duration_ms: durationMs }),
    repeat: ({ message, end }) => `${partitionKey(message)} ${end.kind} ${end.kind === 'dropped' ? end.rule : ''}`,
  },
  window_ended: {
    level: 'debug',
    event: 'window_completed',
    category: 'pipeline',
    fields: ({ at, window, tasks, durationMs }) => ({ ...place(at), window, tasks, duration_ms: durationMs }),
  },
  late_result: {
    level: 'warn',
    event: 'zombie_delivery_suppressed',
    category: 'pipeline',
    fields: ({ at }) => place(at),
    repeat: ({ at }) => partitionKey(at),
  },
  expired: {
    level: 'error',
    event: 'offsets_expired',
    category: 'kafka',
    fields: ({ at, from, to }) => ({ ...place(at), from, to, count: to - from }),
  },
}

export const TASKS: Pick<
  Rows,
  'task_started' | 'task_finished' | 'task_slow' | 'task_retried' | 'function_abandoned' | 'priority_failed'
> = {
  task_started: {
    level: 'debug',
    event: 'executor_task_started',
    category: 'executor',
    fields: ({ task, slot, attempt, queueWaitMs }) => ({
      ...taskOf(task),
      slot,
      attempt,
      queue_wait_ms: queueWaitMs,
    }),
  },
  task_finished: {
    level: 'debug',
    event: (event) => (event.failed ? 'executor_task_failed' : 'executor_task_completed'),
    category: 'executor',
    fields: ({ task, slot, attempt, outcome }) => ({
      ...taskOf(task),
      slot,
      attempt,
      verdict: outcome.verdict,
      exit_code: outcome.exitCode,
      ...(outcome.signal === null ? {} : { signal: outcome.signal }),
      ...(outcome.errno === undefined ? {} : { errno: outcome.errno }),
      pid: outcome.pid,
      duration_ms: outcome.wallMs,
    }),
  },
  task_retried: {
    level: 'debug',
    event: 'task_retried',
    category: 'executor',
    fields: ({ task, attempt, delayMs }) => ({ ...taskOf(task), attempt, delay_ms: delayMs }),
  },
  task_slow: {
    level: 'warn',
    event: 'executor_task_slow',
    category: 'executor',
    fields: ({ task, slot, pid, forMs }) => ({ ...taskOf(task), slot, pid, running_ms: forMs }),
    repeat: () => '',
  },
  function_abandoned: {
    level: 'warn',
    event: 'function_abandoned',
    category: 'executor',
    fields: ({ task, afterMs }) => ({ ...taskOf(task), after_ms: afterMs }),
    repeat: () => '',
  },
  priority_failed: {
    level: 'warn',
    event: 'priority_fn_failed',
    category: 'handler',
    fields: ({ task, error }) => ({ ...taskOf(task), hook: 'task_priority', ...errorFields(error) }),
    repeat: ({ error }) => kindOf(reasonOf(error)),
  },
}

export const HOOKS: Pick<Rows, 'hook_finished' | 'periodic_run' | 'hook_blocked'> = {
  hook_finished: {
    // What decode and input refuse is said by `message_parse_failed`.
    level: ({ hook, error }) => (failed(error) && hook !== 'decode' && hook !== 'input' ? 'error' : 'debug'),
    event: ({ hook, error }) => {
      if (!failed(error)) return 'hook_completed'
      return hook === 'on_error' ? 'on_error_hook_failed' : `${hook}_failed`
    },
    category: 'handler',
    fields: ({ hook, durationMs, error }) => ({
      hook,
      duration_ms: durationMs,
      ...(failed(error) ? errorFields(error) : {}),
    }),
    repeat: ({ hook, error }) => `${hook} ${kindOf(reasonOf(error))}`,
  },
  periodic_run: {
    level: ({ error }) => (failed(error) ? 'error' : 'debug'),
    event: ({ error }) => (failed(error) ? 'periodic_task_failed' : 'periodic_task_completed'),
    category: 'periodic',
    fields: ({ name, durationMs, error }) => ({
      name,
      duration_ms: durationMs,
      ...(failed(error) ? errorFields(error) : {}),
    }),
    repeat: ({ name, error }) => `${name} ${kindOf(reasonOf(error))}`,
  },
  hook_blocked: {
    level: 'error',
    event: 'hook_blocked',
    category: 'handler',
    fields: ({ hook, seconds }) => ({ hook, seconds }),
  },
}

function endFields(end: EventOf<'message_ended'>['end']): Fields {
  if (end.kind === 'dead') return { dlq: end.to, dlq_offset: end.offset }
  if (end.kind === 'retried') return { retry_topic: end.topic, retry_offset: end.offset }
  return end.kind === 'dropped' ? { rule: end.rule } : {}
}
