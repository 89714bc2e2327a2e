import { z } from 'zod'
import { parseMaxDead } from '../max-dead.ts'
import { clientConfig, count, flag, seconds, text } from './field.ts'

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'GSSAPI', 'OAUTHBEARER'] as const

export const security: z.ZodType = z
  .strictObject({
    protocol: z
      .enum(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'])
      .default('PLAINTEXT')
      .describe('How to talk to the brokers.'),
    sasl_mechanism: z.enum(mechanisms).nullish().describe('Required with SASL_*, refused otherwise.'),
    sasl_username: text('').describe('Required for PLAIN and SCRAM.'),
    sasl_password: text('').describe(
      'Required for PLAIN and SCRAM, or `sasl_password_file`. Write `${file:/run/secrets/…}` rather than the password.',
    ),
    sasl_password_file: text('').describe(
      'File with the password, read every five seconds: a changed password needs no restart.',
    ),
    ssl_ca_location: text('').describe('File with the certificates of the authorities to trust.'),
    ssl_certificate_location: text('').describe('File with the certificate of this client.'),
    ssl_key_location: text('').describe('File with its key; needs the certificate.'),
    ssl_key_password: text('').describe('Password of the key.'),
    ssl_endpoint_identification_algorithm: z
      .enum(['https', 'none'])
      .nullish()
      .describe('Whether the name in the broker’s certificate is checked. Default: the client’s (it is).'),
  })
  .superRefine((value, context) => {
    const sasl = value.protocol.startsWith('SASL')
    const refuse = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    if (sasl && value.sasl_mechanism == null) refuse('sasl_mechanism', `is required with protocol ${value.protocol}`)
    if (!sasl && value.sasl_mechanism != null)
      refuse('sasl_mechanism', `needs protocol SASL_PLAINTEXT or SASL_SSL, not ${value.protocol}`)
    if (sasl && /^(PLAIN|SCRAM)/.test(value.sasl_mechanism ?? '')) {
      if (value.sasl_username === '') refuse('sasl_username', `is required with ${value.sasl_mechanism}`)
      if (value.sasl_password === '' && value.sasl_password_file === '')
        refuse('sasl_password', `is required with ${value.sasl_mechanism}, or sasl_password_file`)
    }
    if (value.sasl_password !== '' && value.sasl_password_file !== '')
      refuse('sasl_password_file', 'and sasl_password are both given: leave one out')
    if (value.ssl_key_location !== '' && value.ssl_certificate_location === '')
      refuse('ssl_certificate_location', 'is required with ssl_key_location')
  })

/** Connection of a client that may have brokers of its own. */
export const ownConnection: Readonly<Record<string, z.ZodType>> = {
  brokers: text('').describe(
    'Brokers of this client alone, `host:port,…`. Empty: those of `kafka`, with their security and client_config.',
  ),
  security: security.prefault({}).describe('Only with own brokers.'),
  client_config: clientConfig().describe('Raw librdkafka properties; only with own brokers.'),
}

export const kafka: z.ZodType = z.strictObject({
  brokers: text('localhost:9092').describe(
    'Bootstrap brokers, `host:port,…`; also for Kafka sinks and dead letters that name none.',
  ),
  security: security.prefault({}).describe('How to reach the brokers.'),
  client_config: clientConfig().describe(
    'Raw librdkafka properties, merged last. What the worker’s guarantees rest on is refused.',
  ),
  ui_url: text('').describe('Address of a Kafka UI, for links.'),
  ui_cluster_name: text('').describe('Name of the cluster in that UI.'),
})

export const kafkaSource: z.ZodType = z.strictObject({
  enabled: flag(true).describe('Whether messages are taken from Kafka.'),
  topic: z
    .array(z.string().min(1))
    .min(1)
    .default(['input-events'])
    .describe('One topic, several, or a regular expression that begins with `^` (resolved at the start).'),
  consumer_group: z.string().min(1).default('drakkar-workers').describe('Workers of one group share the partitions.'),
  max_poll_records: count(500).describe(
    'Most records taken from the client at once. Fewer keep the event loop smoother, more cost less per record.',
  ),
  max_poll_interval_ms: count(300_000, 1000).describe(
    'Longest time between polls, milliseconds: the hard bound of a drain; beyond it the broker evicts the worker.',
  ),
  session_timeout_ms: count(10_000, 1000).describe(
    'How long the broker waits for a silent worker, milliseconds. Shorter: faster take-over after a crash; longer: fewer evictions on a bad network.',
  ),
  heartbeat_interval_ms: count(3000, 100).describe(
    'Between heartbeats, milliseconds; keep it at or below a third of the session time-out.',
  ),
  group_instance_id: z
    .string()
    .min(1)
    .nullish()
    .describe(
      'Static membership: the name of this worker in the group, unique in it. A restart within the session time-out then moves no partitions.',
    ),
  auto_offset_reset: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe('Where a partition starts for which the group never committed.'),
  on_offset_gap: z
    .enum(['earliest', 'latest', 'hold'])
    .default('earliest')
    .describe(
      'What to do where the log no longer holds the next offset (retention overtook, topic recreated): go on there, or hold the partition.',
    ),
  on_parse_error: z
    .enum(['dlq', 'skip', 'hold'])
    .default('dlq')
    .describe('The end of a record that cannot be decoded: dead letter, drop (counted), or hold its partition.'),
  max_message_bytes: count(10_485_760, 1024).describe(
    'Largest record that is fetched and produced, bytes. Brokers and topics have limits of their own.',
  ),
  max_uncommitted_span: count(100_000, 100).describe(
    'Finished offsets above a partition’s first unfinished one at which its intake pauses.',
  ),
  commit_every: count(300).describe('A commit goes out after so many ended messages, …'),
  commit_interval_ms: count(500, 10).describe(
    '… or when the oldest of them has waited so long, milliseconds. Shorter: fewer re-runs after a crash; longer: less load on the broker.',
  ),
  startup_align_enabled: flag(false).describe(
    'Wait before joining the group so that a fleet that boots together joins in one rebalance.',
  ),
  startup_min_wait_seconds: seconds(4).describe('Shortest such wait.'),
  startup_align_interval_seconds: count(10).describe(
    'It then ends when the wall clock is a multiple of this, seconds.',
  ),
})

export const dlq: z.ZodType = z.strictObject({
  type: z
    .enum(['kafka', 'file'])
    .default('kafka')
    .describe('Where dead letters go: to a Kafka topic, or each into a file below `path`.'),
  path: text('./dead-letters').describe('With `type: file`: the folder of the letters; made at the start.'),
  max_dead: text('')
    .refine((value) => value === '' || parseMaxDead(value) !== null, {
      message: 'must be a share and a time, such as `5% / 10m` (s, m or h), or empty',
    })
    .describe(
      'A fuse: where more than this share of the messages that ended in this time ended dead, intake stops for as long (`5% / 10m`). Empty: none.',
    ),
  max_dead_least: count(20).describe('The fuse never blows for fewer dead letters than this.'),
  topic: text('').describe('Topic of the dead letters. Empty: `<source topic>_dlq` for each source topic.'),
  ...ownConnection,
  oversize: z
    .enum(['file', 'hold'])
    .default('file')
    .describe('A letter that is too large for its topic: into a file, or hold its partition.'),
  oversize_dir: text('./dead-letters').describe('Folder of those files; made at the start.'),
  on_send_failure: z
    .literal('stall')
    .default('stall')
    .describe(
      'A dead letter that cannot be written holds its partition until it can. There is no other choice: `drop` would lose it.',
    ),
  flush_timeout_seconds: seconds(30).describe('How long a stop waits for letters under way.'),
})
