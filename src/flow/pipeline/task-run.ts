import type { CheckedAction } from '../../handler/index.ts'
import { HookReturnError } from '../../handler/index.ts'
import { backoffMs, sleep } from '../../lib/index.ts'
import {
  type Death,
  type DeathStage,
  type Outcome,
  type Outputs,
  reasonOf,
  TaskFailure,
  TaskResult,
  type TaskSpec,
} from '../../model/index.ts'
import { hasFiles } from '../executor/index.ts'
import type { Refusal } from '../sinks/index.ts'
import { settleTask } from './completion.ts'
import { DELIVERED, type Delivered, decideRefusals, deliverOutputs, OutputError, send } from './deliver.ts'
import { own, toTask } from './make-tasks.ts'
import type { Partition } from './partition.ts'
import { TrackedTask } from './tracked.ts'

const STDERR_TAIL_BYTES = 4096

/** All of them are registered before the first runs, so that nobody sees a message with only some of its tasks. */
export function startTasks(partition: Partition, tasks: readonly TrackedTask[]): void {
  for (const tracked of tasks) {
    partition.tasks.add(tracked)
    partition.pending.set(tracked.task.id, tracked.task)
  }
  for (const tracked of tasks) startRun(partition, tracked)
}

/**
 * One run. A task whose run and hook succeed goes from here to its end by callbacks: a promise and a frame for each
 * step would cost more than the steps. Where something goes wrong, asynchronous functions take over.
 */
function startRun(partition: Partition, tracked: TrackedTask): void {
  const { executor, hooks } = partition.parts
  tracked.discardFiles()
  tracked.attempts += 1
  tracked.busy = null
  const priority = hooks.priority(tracked.task)
  const run = executor.submit(tracked.task, { assignment: partition.assignment, priority, attempt: tracked.attempts })
  tracked.run = run
  if (run.known !== undefined) {
    afterRun(partition, tracked, run.known)
    return
  }
  run.outcome.then(
    (outcome) => partition.step(() => afterRun(partition, tracked, outcome)),
    (error: unknown) => partition.broken(error),
  )
}

/** Withdrawn, or the partition is gone: nothing follows. */
function afterRun(partition: Partition, tracked: TrackedTask, outcome: Outcome | null): void {
  if (outcome === null) return
  if (hasFiles(outcome)) tracked.files = outcome
  if (partition.closed) return tracked.discardFiles()
  holdBytes(partition, tracked, outcome)
  const result = new TaskResult(tracked.task, outcome, tracked.attempts)
  if (result.verdict === 'ok') complete(partition, tracked, result)
  else partition.spawn(fail(partition, tracked, result))
}

function holdBytes(partition: Partition, tracked: TrackedTask, outcome: Outcome): void {
  const bytes = outcome.stdout.length + outcome.stderr.length
  if (bytes === tracked.outputBytes) return
  partition.account.add(0, bytes - tracked.outputBytes)
  tracked.outputBytes = bytes
}

/** The run was `ok`: `onTaskComplete`, then delivery. */
function complete(partition: Partition, tracked: TrackedTask, result: TaskResult): void {
  let sent: Promise<readonly Refusal[]> | null
  try {
    const outputs = partition.parts.hooks.onTaskComplete(result, partition.signal)
    if (outputs instanceof Promise) {
      tracked.busy = { kind: 'hook', hook: 'on_task_complete', since: partition.parts.clock.monotonic() }
      const delivered = outputs.then((late) => deliver(partition, tracked, late))
      partition.spawn(completeFrom(partition, tracked, result, delivered))
      return
    }
    sent = send(partition, 'on_task_complete', outputs, tracked.task.id, tracked.messages, [tracked])
  } catch (error) {
    partition.spawn(completeFrom(partition, tracked, result, Promise.reject(error)))
    return
  }
  if (sent === null) settleTask(partition, tracked, { result, ...DELIVERED })
  else
    sent.then(
      (refusals) => partition.step(() => afterDelivery(partition, tracked, result, refusals)),
      (error: unknown) => partition.spawn(completeFrom(partition, tracked, result, Promise.reject(error))),
    )
}

function afterDelivery(
  partition: Partition,
  tracked: TrackedTask,
  result: TaskResult,
  refusals: readonly Refusal[],
): void {
  if (partition.closed) return
  if (refusals.length === 0) settleTask(partition, tracked, { result, ...DELIVERED })
  else {
    const decided = decideRefusals(partition, refusals, tracked.messages)
    partition.spawn(completeFrom(partition, tracked, result, decided))
  }
}

/**
 * Goes on with the first attempt to complete. Where one fails, `onTaskComplete` is repeated with the same result, as a
 * finished task is never run again for what happened after it.
 */
async function completeFrom(
  partition: Partition,
  tracked: TrackedTask,
  result: TaskResult,
  first: Promise<Delivered>,
): Promise<void> {
  let attempt = first
  for (let attempts = 1; ; attempts += 1) {
    let delivered: Delivered
    try {
      delivered = await attempt
    } catch (error) {
      if (partition.closed) return
      const failure = new TaskFailure(result, `on_task_complete failed: ${reasonOf(error)}`, error)
      const next = await decide(partition, tracked, failure, 'on_task_complete', attempts)
      if (next === 'settled') return
      attempt = hookAndDeliver(partition, tracked, result)
      continue
    }
    if (!partition.closed) settleTask(partition, tracked, { result, ...delivered })
    return
  }
}

async function hookAndDeliver(partition: Partition, tracked: TrackedTask, result: TaskResult): Promise<Delivered> {
  tracked.busy = { kind: 'hook', hook: 'on_task_complete', since: partition.parts.clock.monotonic() }
  return deliver(partition, tracked, await partition.parts.hooks.onTaskComplete(result, partition.signal))
}

async function deliver(partition: Partition, tracked: TrackedTask, outputs: Outputs | undefined): Promise<Delivered> {
  if (partition.closed) return DELIVERED
  return deliverOutputs(partition, 'on_task_complete', outputs, tracked.task.id, tracked.messages, [tracked])
}

type Next = 'settled' | 'again'

/** The run was not `ok`. */
async function fail(partition: Partition, tracked: TrackedTask, result: TaskResult): Promise<void> {
  const lost = result.verdict === 'host-lost' && tracked.attempts <= partition.parts.options.maxRetries
  const failure = new TaskFailure(result, describeFailure(result))
  const next = lost
    ? await waitForRetry(partition, tracked, failure, 'task', null, tracked.attempts)
    : await decide(partition, tracked, failure, 'task', tracked.attempts)
  if (next === 'again') startRun(partition, tracked)
}

/** Asks `onError` and does what it says. */
async function decide(
  partition: Partition,
  tracked: TrackedTask,
  failure: TaskFailure,
  stage: DeathStage,
  attempt: number,
): Promise<Next> {
  const { clock, hooks, options } = partition.parts
  tracked.busy = { kind: 'hook', hook: 'on_error', since: clock.monotonic() }
  let action: CheckedAction
  try {
    action = await hooks.onError(failure, partition.signal)
  } catch (error) {
    if (partition.closed) return 'settled'
    settleFailed(partition, tracked, failure, [
      deathOf(failure, stage),
      { stage: 'on_error', reason: reasonOf(error), taskId: tracked.task.id },
    ])
    return 'settled'
  }
  if (partition.closed) return 'settled'
  if (action.kind === 'replace') return replace(partition, tracked, failure, action.specs)
  if (action.kind === 'skip') {
    settleTask(partition, tracked, { failure, deaths: [], rules: ['on_error'] })
    return 'settled'
  }
  // What an operator cancelled is not tried again, unless the handler says so.
  const hopeless =
    !hooks.has('onError') &&
    (failure.verdict === 'cancelled' ||
      failure.result.outcome.failure?.retryable === false ||
      failure.cause instanceof HookReturnError ||
      failure.cause instanceof OutputError)
  if (action.kind === 'retry' && attempt <= options.maxRetries && !hopeless)
    return waitForRetry(partition, tracked, failure, stage, action.afterMs, attempt)
  settleFailed(partition, tracked, failure, [deathOf(failure, stage)])
  return 'settled'
}

async function waitForRetry(
  partition: Partition,
  tracked: TrackedTask,
  failure: TaskFailure,
  stage: DeathStage,
  afterMs: number | null,
  attempt: number,
): Promise<Next> {
  const { announce, clock, options, random } = partition.parts
  const delayMs = afterMs ?? backoffMs(attempt, options.retryBackoff, random)
  announce({ type: 'task_retried', task: tracked.task, attempt: attempt + 1, delayMs })
  const now = clock.monotonic()
  const cancelled = new AbortController()
  tracked.busy = { kind: 'retry', dueAt: now + delayMs, since: now }
  tracked.cancelWait = () => cancelled.abort()
  await sleep(clock, delayMs, AbortSignal.any([partition.signal, cancelled.signal]))
  tracked.cancelWait = null
  if (partition.closed) return 'settled'
  if (!cancelled.signal.aborted) return 'again'
  const reason = `cancelled on request while it waited for its next try; before: ${failure.reason}`
  settleFailed(partition, tracked, failure, [{ ...deathOf(failure, stage), reason, verdict: 'cancelled' }])
  return 'settled'
}

function settleFailed(
  partition: Partition,
  tracked: TrackedTask,
  failure: TaskFailure,
  deaths: readonly Death[],
): void {
  settleTask(partition, tracked, { failure, deaths, rules: [] })
}

/** The others take its place in its window and for its messages; an empty list just takes it away. */
function replace(partition: Partition, tracked: TrackedTask, failure: TaskFailure, specs: readonly TaskSpec[]): Next {
  const { window, messages, task } = tracked
  const replacements = specs.map((spec, index) => {
    const id = spec.id ?? `${task.id}/r${index}`
    return new TrackedTask(toTask(spec, messages, id, task.id), messages, window)
  })
  for (const replacement of replacements) for (const message of messages) own(message, replacement.task)
  for (const message of messages) message.replaced += 1
  window.tasks += replacements.length
  settleTask(partition, tracked, { replaced: true, deaths: [], rules: [], failure })
  startTasks(partition, replacements)
  return 'settled'
}

function deathOf(failure: TaskFailure, stage: DeathStage): Death {
  const { outcome } = failure.result
  return {
    stage,
    reason: failure.reason,
    taskId: failure.task.id,
    verdict: outcome.verdict,
    exitCode: outcome.exitCode,
    signal: outcome.signal,
    stderrTail: outcome.stderr.subarray(Math.max(0, outcome.stderr.length - STDERR_TAIL_BYTES)),
    attempts: failure.attempts,
  }
}

function describeFailure({ outcome, task }: TaskResult): string {
  if (outcome.message !== undefined) return outcome.message
  if (outcome.verdict === 'exit') return `task ${task.id} exited with code ${outcome.exitCode}`
  if (outcome.verdict === 'signal')
    return `task ${task.id} was ended by ${outcome.signal}, which this worker did not send`
  return `task ${task.id} ended with verdict ${outcome.verdict}`
}
