import { z } from 'zod'

/** Pieces that the sections are made of. Every field says in `.describe()` what it does, its unit, and what it trades. */

export const count = (fallback: number, minimum = 1): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(minimum).default(fallback)

export const seconds = (fallback: number, minimum = 0): z.ZodDefault<z.ZodNumber> =>
  z.number().min(minimum).default(fallback)

export const flag = (fallback: boolean): z.ZodDefault<z.ZodBoolean> => z.boolean().default(fallback)

export const text = (fallback: string): z.ZodDefault<z.ZodString> => z.string().default(fallback)

export const textMap = (): z.ZodDefault<z.ZodRecord<z.ZodString, z.ZodString>> =>
  z.record(z.string(), z.string()).default({})

/** Raw properties of the Kafka client; numbers and booleans are taken as they are written. */
export const clientConfig = (): z.ZodDefault<
  z.ZodRecord<z.ZodString, z.ZodUnion<readonly [z.ZodString, z.ZodNumber, z.ZodBoolean]>>
> => z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({})
