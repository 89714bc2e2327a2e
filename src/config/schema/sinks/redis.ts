import { z } from 'zod'
import { parseRedisUrl } from '../../../lib/index.ts'
import { count, flag, seconds, text } from '../field.ts'
import { batch } from './batch.ts'
import { onePassword } from './one-password.ts'
import { byName } from './statements.ts'

const url = z
  .string()
  .default('redis://localhost:6379/0')
  .superRefine((value, context) => {
    try {
      parseRedisUrl(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'cannot be read' })
    }
  })
  .describe(
    'Where Redis is: `redis://host:port/db`, `redis-cluster://host:port,host:port` or `redis-sentinel://host:port,host:port/master/db`; `rediss…` for TLS.',
  )

const tls = z
  .strictObject({
    verify: flag(true).describe('Whether the certificate of the server is checked. Off: anybody can pretend to be it.'),
    ca_file: text('').describe('File (PEM) with the authorities to trust instead of the usual ones.'),
    cert_file: text('').describe('File (PEM) with the certificate of this client, and …'),
    key_file: text('').describe('… with its key.'),
    server_name: text('').describe('Name that the certificate must hold, where it is not the host of `url`.'),
  })
  .superRefine((value, context) => {
    if ((value.cert_file === '') === (value.key_file === '')) return
    const missing = value.cert_file === '' ? 'cert_file' : 'key_file'
    context.addIssue({ code: 'custom', path: [missing], message: 'is required: certificate and key go together' })
  })

const script = z
  .string()
  .min(1)
  .refine((text) => !text.trimStart().startsWith('#!'), {
    message: 'must not begin with #!: it runs inside of another',
  })

export const redisSink: z.ZodType = z
  .strictObject({
    url,
    username: text('').describe('Over the one in `url`.'),
    password: text('').describe('Over the one in `url`. Write `${file:/run/secrets/…}` rather than the password.'),
    password_file: text('').describe(
      'File with the password, read again where the server does not take the one in use: a changed password needs no restart.',
    ),
    sentinel_username: text('').describe('For the sentinels, where they ask for one.'),
    sentinel_password: text('').describe('For the sentinels, where they ask for one.'),
    tls: tls.prefault({}).describe('For `rediss` URLs.'),
    connect_timeout_seconds: seconds(10, 0.001).describe('For a connection, and for the whole start.'),
    command_timeout_seconds: seconds(10, 0.001).describe(
      'For an answer; a connection that is silent so long is given up.',
    ),
    key_prefix: text('').describe('Before every key, also of markers and fences; not before channels.'),
    scripts: byName(script).describe('Lua by name, for payloads with `op: script`. KEYS get the prefix.'),
    idempotency: z
      .enum(['auto', 'off'])
      .default('auto')
      .describe(
        'auto: incrby, push, trim, xadd, publish and script leave a marker in the same step, so that a replay does nothing. off: a replay does them again.',
      ),
    marker_ttl_seconds: seconds(86_400, 1).describe(
      'How long a marker lives; a replay later than that writes again. Each takes about 170 bytes of Redis’ memory.',
    ),
    fencing: z
      .enum(['auto', 'off'])
      .default('auto')
      .describe('auto: what a former owner of a partition still sends is refused.'),
    wait_replicas: count(0, 0).describe(
      'Replicas that must have a batch before it counts as delivered. 0: a master that dies can take acknowledged writes with it. Not for clusters.',
    ),
    wait_timeout_seconds: seconds(5, 0.001).describe('How long to wait for them.'),
    ...batch,
  })
  .superRefine(onePassword)
  .superRefine((value, context) => {
    if (value.wait_replicas === 0 || !/^rediss?-cluster:/.test(value.url)) return
    context.addIssue({
      code: 'custom',
      path: ['wait_replicas'],
      message: 'is not available for a cluster: set it to 0',
    })
  })
