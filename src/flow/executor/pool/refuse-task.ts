import type { Outcome, Task } from '../../../model/index.ts'
import { refusedOutcome } from '../verdict.ts'

/** Options of a task that only a process of its own can heed. */
const OF_EXEC = ['stdinFile', 'limits', 'nice'] as const

/** A task that a process which runs already cannot do justice to; null where it can. */
export function refuseTask(task: Task, program: string): Outcome | null {
  if (task.binary !== undefined && task.binary !== program) {
    return refused(task, `names the program ${task.binary}, but the pool runs ${program}: take \`binary\` out`)
  }
  for (const name of OF_EXEC) {
    if (task[name] !== undefined)
      return refused(task, `has \`${name}\`, which only a process of its own can have: take it out`)
  }
  return task.scratch === true
    ? refused(task, 'has `scratch`, which only a process of its own can have: take it out')
    : null
}

function refused(task: Task, what: string): Outcome {
  return refusedOutcome('EINVAL', 'arguments', `Task ${task.id} ${what}, or let the task use the runner exec.`)
}
