import type { TrackedMessage, TrackedTask } from './tracked.ts'

/**
 * Which tasks may be taken back when their partition is given up: those of messages that have not started anything.
 * A message that has started keeps all its tasks, and so does every message that shares a task with it (or a window,
 * where windows complete as a whole): otherwise finished work would be run again by the next owner.
 */
export function withdrawable(tasks: Iterable<TrackedTask>, wholeWindows: boolean): TrackedTask[] {
  const kept = new Set<TrackedMessage>()
  const grow = (message: TrackedMessage): void => {
    if (kept.has(message)) return
    kept.add(message)
    if (wholeWindows) for (const other of message.window?.messages ?? []) grow(other)
  }
  let undecided: TrackedTask[] = []
  for (const tracked of tasks) {
    if (tracked.started || tracked.messages.some(hasProgress)) tracked.messages.forEach(grow)
    else undecided.push(tracked)
  }
  for (let before = -1; before !== undecided.length; ) {
    before = undecided.length
    undecided = undecided.filter((tracked) => {
      const keep = tracked.messages.some((message) => kept.has(message) || (wholeWindows && windowHasProgress(message)))
      if (keep) tracked.messages.forEach(grow)
      return !keep
    })
  }
  return undecided
}

/** Something of it has settled already. */
function hasProgress(message: TrackedMessage): boolean {
  return message.state === 'finishing' || message.open < message.made
}

function windowHasProgress(message: TrackedMessage): boolean {
  return message.window?.messages.some(hasProgress) ?? false
}
