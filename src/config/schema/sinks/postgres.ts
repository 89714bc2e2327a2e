import { z } from 'zod'
import { parsePostgresUrl } from '../../../lib/index.ts'
import { count, flag, seconds, text } from '../field.ts'
import { batch } from './batch.ts'
import { onePassword } from './one-password.ts'
import { byName } from './statements.ts'

const dsn = z
  .string()
  .superRefine((value, context) => {
    try {
      parsePostgresUrl(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'cannot be read' })
    }
  })
  .describe(
    'Where PostgreSQL is: `postgres://user:password@host:port/database?sslmode=verify-full`; `?host=/folder` for a Unix socket.',
  )

const tls = z
  .strictObject({
    mode: z
      .enum(['', 'disable', 'require', 'verify-ca', 'verify-full'])
      .default('')
      .describe(
        'Over `sslmode` of `dsn`, with the meaning of libpq: require encrypts and checks nothing; verify-ca the certificate; verify-full its name too. Empty: as `dsn` says, else verify-full where a file is named here, else disable.',
      ),
    ca_file: text('').describe('File (PEM) with the authorities to trust instead of the usual ones.'),
    cert_file: text('').describe('File (PEM) with the certificate of this client, and …'),
    key_file: text('').describe('… with its key.'),
    server_name: text('').describe('Name that the certificate must hold, where it is not the host of `dsn`.'),
  })
  .superRefine((value, context) => {
    if ((value.cert_file === '') === (value.key_file === '')) return
    const missing = value.cert_file === '' ? 'cert_file' : 'key_file'
    context.addIssue({ code: 'custom', path: [missing], message: 'is required: certificate and key go together' })
  })

export const postgresSink: z.ZodType = z
  .strictObject({
    dsn,
    password: text('').describe('Over the one in `dsn`. Write `${file:/run/secrets/…}` rather than the password.'),
    password_file: text('').describe(
      'File with the password, read for each new connection: a changed password needs no restart.',
    ),
    tls: tls.prefault({}).describe('For connections with TLS.'),
    pool_min: count(2, 0).describe('Connections that stay open when nothing is written.'),
    pool_max: count(10).describe('Most connections. A batch takes one.'),
    connect_timeout_seconds: seconds(10, 0.001).describe('For a connection, or a free one of the pool.'),
    statement_timeout_seconds: seconds(20, 0.001).describe(
      'Longest run of one statement; at most 80 % of sinks.delivery_timeout_seconds. Set for each transaction.',
    ),
    prepared_statements: flag(true).describe(
      'Keeps statements prepared. Off: for PgBouncer before 1.21, or without `max_prepared_statements`.',
    ),
    table: text('').describe('Table of payloads that name none; checked at the start. `table`, or `schema.table`.'),
    statements: byName(z.string().min(1)).describe(
      'SQL by name, with `:name` parameters, for payloads with `op: statement`; checked at the start.',
    ),
    idempotency: z
      .enum(['table', 'key', 'none'])
      .default('table')
      .describe(
        'How a record that comes again is written once. table: its id is noted in the same transaction, and a former owner of a partition is refused; key: inserts carry it in `id_column`; none: it is written again.',
      ),
    id_column: text('drakkar_id').describe(
      'With `idempotency: key`: the column of each table that gets ids; needs a unique index.',
    ),
    state_schema: text('').describe(
      'With `idempotency: table`: schema of `drakkar_delivered` and `drakkar_owners`. Empty: the first one of the search path.',
    ),
    create_tables: flag(true).describe('With `idempotency: table`: creates the two tables where they are missing.'),
    keep_ids_hours: z
      .number()
      .min(1)
      .default(168)
      .describe('With `idempotency: table`: how long ids are kept; a replay later than that writes again.'),
    ...batch,
  })
  .superRefine(onePassword)
  .superRefine((value, context) => {
    if (value.idempotency !== 'key' || value.id_column !== '') return
    context.addIssue({ code: 'custom', path: ['id_column'], message: 'must name a column where idempotency is key' })
  })
