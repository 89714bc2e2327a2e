// A handler whose messages become several results, or share one with others, or die.
import { defineHandler, type Message, type TaskSpec, task } from 'drakkar'

interface Job {
  readonly id: string
  readonly ms?: number
  readonly exit?: number
  /** So many tasks, each with a result of its own. */
  readonly parts?: number
  /** Shares one task with another one of its window, where there is one. */
  readonly pair?: boolean
  /** Bytes of its result. */
  readonly bytes?: number
}

const { RUN_LOG = 'runs.log' } = process.env
const jobOf = (message: Message): Job => message.payload as Job

function taskOf(messages: readonly Message[], part: number): TaskSpec {
  const jobs = messages.map(jobOf)
  const ids = jobs.map(({ id }) => id)
  const exit = Math.max(...jobs.map(({ exit = 0 }) => exit))
  const args = [RUN_LOG, ids.join('+'), String(jobs[0]?.ms ?? 0), String(exit), String(process.pid)]
  return task(messages, { args, stdin: '', metadata: { ids, part, bytes: jobs[0]?.bytes ?? 0 } })
}

export default defineHandler({
  arrange: (messages) => {
    const pairs = messages.filter((message) => jobOf(message).pair === true)
    const alone = messages.filter((message) => jobOf(message).pair !== true)
    return [
      ...alone.flatMap((message) =>
        Array.from({ length: jobOf(message).parts ?? 1 }, (_, part) => taskOf([message], part)),
      ),
      ...Array.from({ length: Math.ceil(pairs.length / 2) }, (_, n) => taskOf(pairs.slice(2 * n, 2 * n + 2), 0)),
    ]
  },
  onTaskComplete: ({ task: { metadata } }) => {
    const { ids, part, bytes } = metadata as { ids: string[]; part: number; bytes: number }
    return { kafka: [{ key: ids[0] as string, data: { ids, part, filler: 'x'.repeat(bytes) } }] }
  },
})
