import { z } from 'zod'
import { count, seconds } from './field.ts'

/** Functions as tasks: where they run, and what they may take. */
export const functions: z.ZodType = z.strictObject({
  file: z
    .string()
    .min(1)
    .nullish()
    .describe(
      'Module whose default export is the function; it runs in worker threads. Relative to the working directory. Unset: the handler’s `run`, in the worker’s own process.',
    ),
  threads: z
    .number()
    .int()
    .min(1)
    .max(1024)
    .nullish()
    .describe('Worker threads; a task waits for a free one. Default: max_executors.'),
  max_heap_mb: count(0, 0).describe(
    'Largest heap of a thread, MiB; a task that needs more ends with verdict `oom`. 0 = Node’s own limit.',
  ),
  no_progress_seconds: seconds(0).describe(
    'Longest time without a call of `progress()`; then the run ends with verdict `no-progress`. 0 = any.',
  ),
})
