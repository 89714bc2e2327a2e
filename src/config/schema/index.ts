import { z } from 'zod'
import { seconds, text } from './field.ts'
import { dlq, kafka, kafkaSource } from './kafka.ts'
import { control, executor, logging, metrics, sinks } from './work.ts'

/** The whole configuration, with the names of the file. Types, defaults, validation, JSON Schema and the reference page come from here. */
export const schema: z.ZodType = z.strictObject({
  worker_name_env: z
    .string()
    .min(1)
    .default('WORKER_ID')
    .describe('Environment variable that holds the worker’s name. Unset: `drakkar-<random>`.'),
  cluster_name: text('').describe('Groups workers in logs and UI.'),
  cluster_name_env: text('').describe('Environment variable that overrides cluster_name.'),
  hook_timeout_seconds: seconds(120).describe('Longest time for one asynchronous hook call; 0 = no limit.'),
  hook_stall_seconds: seconds(60, 1).describe(
    'A hook that blocks the event loop this long ends the process (exit code 70).',
  ),
  standstill_seconds: seconds(30).describe(
    'A partition that has not moved for so long is logged with the reason, again at each doubling; 0 = never.',
  ),
  delivery: z
    .enum(['batch', 'atomic'])
    .default('batch')
    .describe(
      'batch: payloads go out as hooks return them. atomic: those of a message are held until all its tasks have ended well, then go out together; where a task dies nothing of the message is delivered.',
    ),
  kafka: kafka.prefault({}).describe('Brokers.'),
  sources: z
    .strictObject({ kafka: kafkaSource.prefault({}).describe('Messages from Kafka.') })
    .prefault({})
    .describe('Where messages come from.'),
  executor: executor.prefault({}).describe('The pool that runs programs.'),
  sinks: sinks.prefault({}).describe('Where results go.'),
  dlq: dlq.prefault({}).describe('Where messages go that cannot be delivered.'),
  metrics: metrics.prefault({}).describe('Metrics and health over HTTP.'),
  control: control.prefault({}).describe('The local socket for `drakkar status`, `cancel`, `set`, `pause`, `resume`.'),
  logging: logging.prefault({}).describe('The log.'),
  app: z.record(z.string(), z.unknown()).default({}).describe('Yours: reaches the handler’s `onStartup` as it is.'),
})
