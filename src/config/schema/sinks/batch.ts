import type { z } from 'zod'
import { count, text } from '../field.ts'

/** What every kind of sink has. */
export const batch: Readonly<Record<string, z.ZodType>> = {
  linger_ms: count(0, 0).describe('How long a batch waits for more, milliseconds. The Kafka producer lingers itself.'),
  max_batch_records: count(500).describe('Most records of a batch.'),
  max_batch_bytes: count(1_048_576, 1).describe('Most bytes of a batch; a larger record goes alone.'),
  ui_url: text('').describe('Address of the sink’s own UI, for links.'),
}
