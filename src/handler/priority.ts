import type { Task } from '../model/index.ts'

/** Where a task stands by itself: older messages first. */
export function oldestOffset(task: Task): number {
  let oldest = Number.POSITIVE_INFINITY
  for (const message of task.messages) if (message.offset < oldest) oldest = message.offset
  return oldest
}

/** What `taskPriority` may answer. */
export function isPriority(value: unknown): value is number | readonly number[] {
  if (typeof value === 'number') return !Number.isNaN(value)
  return (
    Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === 'number' && !Number.isNaN(part))
  )
}
