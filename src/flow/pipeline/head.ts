import type { HeadView, Waiting } from '../../model/index.ts'
import type { Partition } from './partition.ts'
import type { Busy, TrackedMessage, TrackedTask } from './tracked.ts'

/** The oldest unfinished message of a partition and what it waits for now; null where nothing is in flight. */
export function headOf(partition: Partition, now: number): HeadView | null {
  const head = partition.oldest
  if (head === undefined) return null
  return { offset: head.raw.offset, ageMs: now - head.admittedAt, waits: waitsOf(partition, head, now) }
}

function waitsOf(partition: Partition, head: TrackedMessage, now: number): Waiting {
  if (head.busy !== null) return busyWith(head.busy, undefined, 1, now)
  if (head.state === 'finishing') {
    return { kind: 'window', others: head.window?.open ?? 0, forMs: now - head.admittedAt }
  }
  if (head.state === 'running') {
    for (const tracked of partition.tasks) if (tracked.messages.includes(head)) return taskWaits(tracked, now)
  }
  return partition.busy === null
    ? { kind: 'queue', forMs: now - head.admittedAt }
    : busyWith(partition.busy, undefined, 1, now)
}

function taskWaits(tracked: TrackedTask, now: number): Waiting {
  const { run, task, attempts, busy } = tracked
  if (busy !== null) return busyWith(busy, task.id, attempts + 1, now)
  const forMs = now - (run?.since ?? now)
  if (run?.state === 'waiting') return { kind: 'gate', taskId: task.id, forMs }
  return { kind: 'run', taskId: task.id, pid: run?.pid ?? null, slot: run?.slot ?? null, attempt: attempts, forMs }
}

function busyWith(busy: Busy, taskId: string | undefined, attempt: number, now: number): Waiting {
  const forMs = now - busy.since
  switch (busy.kind) {
    case 'hook':
      return { kind: 'hook', hook: busy.hook, forMs, ...(taskId === undefined ? {} : { taskId }) }
    case 'retry':
      return { kind: 'retry', taskId: taskId ?? '', attempt, dueMs: Math.max(0, busy.dueAt - now), forMs }
    case 'delivery':
      return { kind: 'delivery', sinks: [...new Set(busy.records.map(({ kind, sink }) => `${kind}:${sink}`))], forMs }
    case 'dead-letter':
      return { kind: 'dead-letter', forMs }
  }
}
