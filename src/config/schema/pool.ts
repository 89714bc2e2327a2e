import { z } from 'zod'
import { count, seconds } from './field.ts'

/** Persistent processes: tasks go to them one after the other, without a start for each. */
export const pool: z.ZodType = z.strictObject({
  binary_path: z
    .string()
    .min(1)
    .nullish()
    .describe('Program that speaks the pool’s protocol. Default: executor.binary_path.'),
  args: z.array(z.string()).default([]).describe('Arguments of each process; those of a task are in its request.'),
  protocol: z
    .enum(['json', 'frames'])
    .default('json')
    .describe(
      'json: one JSON object a line; frames: a JSON header and a raw body. See docs/reference/pool-protocol.md.',
    ),
  processes: z
    .number()
    .int()
    .min(1)
    .max(4096)
    .nullish()
    .describe('Most processes at once. Default: max_executors / in_flight, rounded up.'),
  in_flight: count(1).describe('Tasks that one process has at once. Above 1 answers need ids.'),
  ready_timeout_seconds: seconds(30).describe('Longest time from a start to the answer of the first ping; 0 = any.'),
  no_progress_seconds: seconds(0).describe(
    'Longest silence about a task (`progress` and `partial` break it); then verdict `no-progress`. 0 = any.',
  ),
  recycle_after_tasks: count(0, 0).describe('A process gets so many tasks at most. 0 = any number.'),
  recycle_after_seconds: seconds(0).describe('A process this old is replaced. 0 = never.'),
  max_rss_bytes: count(0, 0).describe('A process with a larger resident set is replaced; needs /proc. 0 = any.'),
  idle_seconds: seconds(0).describe(
    'A process with nothing to do for so long ends. 0 = all of them stay, and start early.',
  ),
  watch: z
    .array(z.string())
    .default([])
    .describe('Files besides the program whose change replaces the processes, e.g. the script of an interpreter.'),
  max_answer_bytes: count(16_777_216, 1024).describe('Longest line, or part of a frame, that a process may write.'),
})
