import { z } from 'zod'
import { count, flag } from '../field.ts'
import { batch } from './batch.ts'

export const fileSink: z.ZodType = z.strictObject({
  base_path: z
    .string()
    .min(1)
    .describe('Folder that files are written below; must exist. Nothing outside of it is ever written.'),
  fsync: flag(true).describe(
    'Flush to the disk before a record counts as delivered. Off: faster, and a power cut can lose acknowledged lines.',
  ),
  max_open_files: count(64).describe('Files kept open.'),
  ...batch,
})
