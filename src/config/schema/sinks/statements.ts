import { z } from 'zod'

const NAME = /^[a-z_][a-z0-9_]*$/

/** Scripts or statements by the name that payloads call them by. */
export const byName = (what: z.ZodType): z.ZodDefault<z.ZodRecord<z.ZodString, z.ZodType>> =>
  z
    .record(z.string(), what)
    .superRefine((value, context) => {
      for (const name of Object.keys(value)) {
        if (NAME.test(name)) continue
        context.addIssue({ code: 'custom', path: [name], message: 'has a name that is not like add_total' })
      }
    })
    .default({})
