import { z } from 'zod'
import { count, flag, seconds, text, textMap } from './field.ts'
import { functions } from './function.ts'
import { ownConnection } from './kafka.ts'
import { pool } from './pool.ts'
import { batch } from './sinks/batch.ts'
import { customSinks } from './sinks/custom.ts'
import { fileSink } from './sinks/filesystem.ts'
import { httpSink } from './sinks/http.ts'
import { mongoSink } from './sinks/mongo.ts'
import { postgresSink } from './sinks/postgres.ts'
import { redisSink } from './sinks/redis.ts'

export const DEFAULT_DENY: readonly string[] = [
  'DRAKKAR_*',
  'DK_*',
  '*PASSWORD*',
  '*PASSWD*',
  '*SECRET*',
  '*TOKEN*',
  '*SALT*',
  '*_KEY',
  '*_DSN',
  '*CREDENTIAL*',
]

const most = (text: string, minimum = 0): z.ZodOptional<z.ZodNullable<z.ZodNumber>> =>
  z.number().int().min(minimum).nullish().describe(text)

export const executor: z.ZodType = z.strictObject({
  runner: z
    .enum(['exec', 'pool', 'function'])
    .default('exec')
    .describe(
      'Who runs tasks that name no runner: exec, one process for each; pool, processes that stay; function, JavaScript.',
    ),
  pool: pool
    .prefault({})
    .describe('Processes that stay (runner `pool`). There where executor.runner is `pool` or binary_path is set here.'),
  function: functions.prefault({}).describe('Functions as tasks (runner `function`).'),
  binary_path: z
    .string()
    .min(1)
    .nullish()
    .describe('Program of tasks that name none. Without a slash it is looked up on the PATH.'),
  env: textMap().describe('Environment variables of every task. Never recorded.'),
  env_inherit_parent: flag(true).describe('Whether tasks get the worker’s own environment (less what is denied).'),
  env_inherit_deny: z
    .array(z.string())
    .default([...DEFAULT_DENY])
    .describe('Names, with `*`, in any case, that are not inherited.'),
  max_executors: count(4).describe('Tasks that run at once. About the number of CPUs for CPU-heavy programs.'),
  task_timeout_seconds: seconds(120, 0.001).describe(
    'Wall time limit of a run; then SIGTERM, grace, SIGKILL to its whole process group.',
  ),
  kill_grace_seconds: seconds(5).describe('Between SIGTERM and SIGKILL.'),
  max_stdout_bytes: count(1_048_576, 0).describe('Most stdout of a run, bytes; 0 = no limit. See on_output_cap.'),
  max_stderr_bytes: count(262_144, 0).describe('Kept of stderr, its end, bytes; 0 = all.'),
  on_output_cap: z
    .enum(['fail', 'truncate', 'spill'])
    .default('fail')
    .describe(
      'More stdout than the cap: the run fails with verdict `output-cap`; or the rest is thrown away and flagged; or all of it goes to a file until the task has settled.',
    ),
  spill_dir: z
    .string()
    .min(1)
    .nullish()
    .describe('Folder for `on_output_cap: spill`. Default: scratch_dir, else the temporary folder.'),
  max_spill_bytes: count(1_073_741_824, 0).describe('Most stdout of a run that may be spilled, bytes; 0 = no limit.'),
  scratch_dir: z
    .string()
    .min(1)
    .nullish()
    .describe('Folder below which tasks with `scratch: true` get theirs. Default: the temporary folder.'),
  limits: z
    .strictObject({
      memory_bytes: most('Address space, bytes: what is reserved counts, so programs of Node, Java or Go need much.'),
      cpu_seconds: most(
        'CPU time, whole seconds; then SIGXCPU, and SIGKILL a second later. Not of processes of executor.pool.',
        1,
      ),
      file_bytes: most('Largest file that it may write, bytes.'),
      open_files: most('Open descriptors.', 3),
      processes: most('Processes and threads of its user, all of them on this machine; not for root.', 1),
      core_bytes: most('Largest core file, bytes; 0 = none.'),
    })
    .prefault({})
    .describe(
      'Most that each process that is started for tasks may use, never more than the worker itself. Needs native launchers.',
    ),
  nice: z
    .number()
    .int()
    .min(0)
    .max(19)
    .default(0)
    .describe(
      'Added to the niceness of programs: with more than 0 the worker itself comes first. Needs native launchers.',
    ),
  umask: z
    .string()
    .regex(/^0?[0-7]{3}$/, 'must be three octal digits, in quotes, e.g. "027"')
    .nullish()
    .describe('Umask of programs, octal. Default: the worker’s.'),
  run_as: z
    .strictObject({
      uid: z.number().int().min(0).max(4_294_967_294).describe('User of programs, by number.'),
      gid: z.number().int().min(0).max(4_294_967_294).describe('Group of programs, by number; the only one they have.'),
    })
    .nullish()
    .describe('Runs programs as another user. Only where the worker is root.'),
  slow_task_seconds: seconds(60).describe('A run that takes longer is logged once, with its pid; 0 = never.'),
  ok_exit_codes: z
    .array(z.number().int().min(0).max(255))
    .min(1)
    .default([0])
    .describe('Exit codes that count as success; for programs like grep, `[0, 1]`. A task’s own list wins.'),
  window_size: count(100).describe('Most messages that one `arrange` gets. It never waits to fill a window.'),
  max_retries: count(3, 0).describe('Runs of a task beyond the first, and repeats of a failing hook.'),
  retry_backoff_seconds: seconds(0.2).describe('Wait before the first retry; it doubles, with jitter, …'),
  retry_backoff_max_seconds: seconds(30).describe('… up to this.'),
  drain_timeout_seconds: z
    .number()
    .min(0.1)
    .nullish()
    .describe('Sets both drain_on_revoke_seconds and drain_on_stop_seconds.'),
  drain_on_revoke_seconds: seconds(15, 0.1).describe(
    'How long running tasks may go on when partitions move to another worker; the whole group waits.',
  ),
  drain_on_stop_seconds: seconds(30, 0.1).describe('How long they may go on when the worker stops.'),
  backpressure_high_multiplier: count(32).describe('Intake pauses at max_executors × this messages in flight …'),
  backpressure_low_multiplier: count(4).describe('… and resumes at max_executors × this.'),
  max_buffered_bytes: count(268_435_456, 1_048_576).describe(
    'Messages and held outputs in memory, bytes, before intake pauses.',
  ),
  launchers: z
    .union([z.literal('auto'), z.number().int().min(1).max(64)])
    .default('auto')
    .describe('Processes that start the programs. auto: one per CPU, at most 4.'),
})

export const kafkaSink: z.ZodType = z.strictObject({
  topic: z.string().min(1).describe('Topic to write to.'),
  ...ownConnection,
  compression: z.enum(['none', 'gzip', 'snappy', 'lz4', 'zstd']).default('lz4').describe('Of the producer.'),
  producer_linger_ms: count(1, 0).describe('How long the producer waits to fill a request, milliseconds.'),
  id_header: flag(true).describe(
    'Adds the header `drakkar-id`, the same after every replay, by which consumers can drop duplicates.',
  ),
  transactional: flag(false).describe(
    'Results, dead letters and offsets in one Kafka transaction: `read_committed` readers see each result exactly once. Needs the brokers of `kafka`; implies `delivery: atomic`.',
  ),
  flush_timeout_seconds: seconds(30).describe('How long a stop waits for records under way.'),
  ...batch,
})

export const sinks: z.ZodType = z.strictObject({
  kafka: z.record(z.string().min(1), kafkaSink).default({}).describe('Kafka topics, by instance name.'),
  filesystem: z.record(z.string().min(1), fileSink).default({}).describe('Folders for files, by instance name.'),
  http: z.record(z.string().min(1), httpSink).default({}).describe('HTTP services, by instance name.'),
  mongo: z.record(z.string().min(1), mongoSink).default({}).describe('MongoDB databases, by instance name.'),
  postgres: z.record(z.string().min(1), postgresSink).default({}).describe('PostgreSQL, by instance name.'),
  redis: z.record(z.string().min(1), redisSink).default({}).describe('Redis, by instance name.'),
  custom: customSinks,
  delivery_timeout_seconds: seconds(30, 0.001).describe('Longest wait for one attempt of a sink.'),
  circuit_breaker: z
    .strictObject({
      failure_threshold: count(5).describe('Failures in a row at which a sink’s partitions are held.'),
      cooldown_seconds: seconds(5).describe('Between probes of a sink that is held for.'),
    })
    .prefault({})
    .describe('When a sink that fails holds the partitions that need it.'),
})

export const metrics: z.ZodType = z.strictObject({
  enabled: flag(true).describe('Serve `/metrics`, `/healthz` and `/readyz`.'),
  host: text('0.0.0.0').describe('Address to listen on.'),
  port: z.number().int().min(0).max(65_535).default(9090).describe('Port to listen on; 0 = any free one, logged.'),
})

export const control: z.ZodType = z.strictObject({
  enabled: flag(true).describe('Listen on a local socket that only this user can open.'),
  path: text('').describe(
    'Path of the socket. Empty: `<worker id>.sock` in `$XDG_RUNTIME_DIR/drakkar`, else in `drakkar-<uid>` in the temporary folder.',
  ),
})

export const logging: z.ZodType = z.strictObject({
  level: z
    .enum(['DEBUG', 'INFO', 'WARNING', 'WARN', 'ERROR', 'CRITICAL'])
    .default('INFO')
    .describe('Least level that is written. A line per task is DEBUG.'),
  format: z.enum(['json', 'console']).default('json').describe('JSON lines, or lines for people.'),
  output: text('stderr').describe(
    'stderr, stdout, or a path, in which `{worker_id}` and `{cluster_name}` are filled in.',
  ),
})
