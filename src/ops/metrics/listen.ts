import type { EventOf, WorkerEvent } from '../../model/index.ts'
import { type Counted, PartitionIndex } from './counted.ts'

type Listeners = { readonly [Type in WorkerEvent['type']]?: (event: EventOf<Type>) => void }

/** What each type of event adds to the counters. Types without a row move nothing (gauges are read from the view). */
export function listenersFor(counted: Counted): Listeners {
  const partitions = new PartitionIndex(counted)
  return {
    ...messageListeners(counted, partitions),
    ...taskListeners(counted),
    ...hookListeners(counted),
    ...sinkListeners(counted),
    ...commitListeners(counted, partitions),
    ...runtimeListeners(counted),
  }
}

function messageListeners(counted: Counted, partitions: PartitionIndex): Listeners {
  const seconds = counted.messageSeconds.cell()
  const dead = counted.dead.cell()
  return {
    consumed({ at, count, bytes }) {
      const cells = partitions.at(at.topic, at.partition)
      cells.consumed.value += count
      cells.consumedBytes.value += bytes
    },
    already_done({ at }) {
      partitions.at(at.topic, at.partition).of(counted.alreadyDone).value += 1
    },
    parse_failed({ message }) {
      partitions.at(message.topic, message.partition).of(counted.parseFailures).value += 1
    },
    late_result({ at }) {
      partitions.at(at.topic, at.partition).of(counted.zombies).value += 1
    },
    expired({ at, from, to }) {
      partitions.at(at.topic, at.partition).of(counted.expired).value += Math.max(0, to - from)
    },
    message_ended({ message, end, durationMs }) {
      const cells = partitions.at(message.topic, message.partition)
      const tally = end.kind === 'delivered' ? cells.delivered : cells.ended(end.kind)
      tally.value += 1
      seconds.observe(durationMs / 1000)
      if (end.kind === 'dead') dead.value += 1
      if (end.kind === 'dropped') counted.dropped.cell(end.rule).value += 1
    },
    window_ended({ durationMs }) {
      counted.windowSeconds.cell().observe(durationMs / 1000)
    },
  }
}

function taskListeners(counted: Counted): Listeners {
  const started = counted.tasks.cell('started')
  const completed = counted.tasks.cell('completed')
  const failures = counted.tasks.cell('failed')
  const precomputed = counted.precomputed.cell()
  const wait = counted.queueWait.cell()
  const run = counted.runSeconds.cell()
  const cpu = counted.cpuSeconds.cell()
  return {
    task_started({ slot, queueWaitMs }) {
      started.value += 1
      if (slot !== null) wait.observe(queueWaitMs / 1000)
    },
    task_finished({ task, outcome, failed }) {
      const tally = failed ? failures : completed
      tally.value += 1
      run.observe(outcome.wallMs / 1000)
      counted.verdicts.cell(outcome.verdict).value += 1
      if (task.precomputed !== undefined) precomputed.value += 1
      if (outcome.cpuUs !== undefined) cpu.value += outcome.cpuUs / 1e6
      if (outcome.verdict === 'timeout') counted.timeouts.cell().value += 1
      if (outcome.stdoutTruncated) counted.truncated.cell('stdout').value += 1
      if (outcome.stderrTruncated) counted.truncated.cell('stderr').value += 1
    },
    task_slow() {
      counted.slow.cell().value += 1
    },
    function_abandoned() {
      counted.abandoned.cell().value += 1
    },
    task_retried() {
      counted.retries.cell().value += 1
    },
    priority_failed() {
      counted.priorityErrors.cell().value += 1
    },
  }
}

function hookListeners(counted: Counted): Listeners {
  return {
    hook_finished({ hook, durationMs, error }) {
      counted.hookSeconds.cell(hook).observe(durationMs / 1000)
      const errors = counted.hookErrors.cell(hook)
      if (error !== null && error !== undefined) errors.value += 1
    },
    periodic_run({ name, durationMs, error }) {
      counted.periodicSeconds.cell(name).observe(durationMs / 1000)
      const ok = counted.periodicRuns.cell(name, 'ok')
      const failed = counted.periodicRuns.cell(name, 'error')
      const tally = error === null || error === undefined ? ok : failed
      tally.value += 1
    },
    hook_blocked() {
      counted.stalls.cell().value += 1
    },
  }
}

function sinkListeners(counted: Counted): Listeners {
  return {
    sink_delivered({ kind, sink, records, failed, durationMs }) {
      counted.sinkSeconds.cell(kind, sink).observe(durationMs / 1000)
      counted.sinkPayloads.cell(kind, sink).value += records - failed
      const errors = counted.sinkErrors.cell(kind, sink)
      if (failed > 0) errors.value += 1
    },
    sink_retried({ kind, sink }) {
      counted.sinkRetries.cell(kind, sink).value += 1
    },
    sink_skipped({ kind, sink, records }) {
      counted.sinkSkipped.cell(kind, sink).value += records
    },
    sink_circuit({ kind, sink, state }) {
      const trips = counted.sinkTrips.cell(kind, sink)
      if (state === 1) trips.value += 1
    },
    dead_letter_failed() {
      counted.deadFailures.cell().value += 1
    },
  }
}

function commitListeners(counted: Counted, partitions: PartitionIndex): Listeners {
  return {
    committed({ at, durationMs }) {
      partitions.at(at.topic, at.partition).committed.value += 1
      counted.commitSeconds.cell().observe(durationMs / 1000)
    },
    commit_failed({ at }) {
      for (const each of at) partitions.at(each.topic, each.partition).of(counted.commitFailures).value += 1
    },
    transaction_ended({ committed, records, durationMs }) {
      counted.transactions.cell(committed ? 'committed' : 'aborted').value += 1
      if (committed) counted.transactionRecords.cell().value += records
      counted.transactionSeconds.cell().observe(durationMs / 1000)
    },
    output_refused({ at }) {
      partitions.at(at.topic, at.partition).of(counted.outputsRefused).value += 1
    },
    metadata_ignored({ at }) {
      partitions.at(at.topic, at.partition).of(counted.metadataIgnored).value += 1
    },
    assigned({ assignments }) {
      counted.rebalances.cell('assign').value += 1
      // A partition's counters begin at zero when it comes, so that `rate()` sees the first increase.
      for (const { topic, partition } of assignments) partitions.at(topic, partition)
    },
    revoked({ assignments, lost }) {
      counted.rebalances.cell('revoke').value += 1
      if (lost) counted.partitionsLost.cell().value += assignments.length
    },
    standstill({ at, over }) {
      if (!over) partitions.at(at.topic, at.partition).of(counted.standstills).value += 1
    },
    drain_timeout() {
      counted.drainTimeouts.cell().value += 1
    },
  }
}

function runtimeListeners(counted: Counted): Listeners {
  return {
    control({ verb }) {
      counted.control.cell(verb).value += 1
    },
    client_error() {
      counted.consumerErrors.cell().value += 1
    },
    launcher_started({ kind }) {
      counted.launchersStarted.cell(kind).value += 1
    },
    pool_process_ended({ why }) {
      counted.poolProcessesEnded.cell(why).value += 1
    },
    launcher_lost() {
      counted.launchersLost.cell().value += 1
    },
  }
}
