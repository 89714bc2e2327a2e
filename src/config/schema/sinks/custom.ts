import { z } from 'zod'

const NUMBERS: readonly (readonly [name: string, minimum: number])[] = [
  ['linger_ms', 0],
  ['max_batch_records', 1],
  ['max_batch_bytes', 1],
]

const instance = z.record(z.string(), z.unknown()).superRefine((options, context) => {
  const refuse = (name: string, text: string): void =>
    context.addIssue({ code: 'custom', path: [name], message: `${text}; this setting belongs to the worker` })
  const { module } = options
  if (module !== undefined && (typeof module !== 'string' || module === ''))
    refuse('module', 'must be a file (`./my-sink.ts`) or a package name')
  for (const [name, minimum] of NUMBERS) {
    const value = options[name]
    if (value !== undefined && !(Number.isSafeInteger(value) && Number(value) >= minimum))
      refuse(name, `must be a whole number, ${minimum} or more`)
  }
})

/** Instances by kind and name. Options reach the sink as they are written; their shape is its own business. */
export const customSinks: z.ZodType = z
  .record(z.string().min(1), z.record(z.string().min(1), instance))
  .default({})
  .describe(
    'Sinks of your own, `<kind>: { <name>: { module: ./my-sink.ts, … } }`. `module`: a file (relative to the working directory) or a package, default `drakkar-sink-<kind>`. `linger_ms`, `max_batch_records` and `max_batch_bytes` as for other sinks; everything else goes to the sink as it is.',
  )
