import type { Config } from '../../config/index.ts'
import {
  createPostgresSink,
  lookAtPostgres,
  type PostgresLink,
  postgresLink,
  type Sink,
} from '../../flow/sinks/index.ts'
import { systemClock as clock } from '../../lib/index.ts'
import { type BuiltSink, limits } from './built.ts'
import { closing, PATIENCE_SECONDS, type SinkCheck } from './check.ts'

type PostgresConfig = Config['sinks']['postgres'][string]

export function postgresSinks(config: Config): BuiltSink[] {
  return Object.entries(config.sinks.postgres).map(([name, sink]) => ({
    sink: postgresSink(config, name, sink, linkOf(config, name, sink)),
    batch: limits(sink),
  }))
}

/** What `drakkar doctor` looks at: as a worker at its start, but what it would create is taken back. */
export function postgresChecks(config: Config): SinkCheck[] {
  return Object.entries(config.sinks.postgres).map(([name, sink]) => ({
    path: `sinks.postgres.${name}`,
    run: () => {
      const link = linkOf(config, name, {
        ...sink,
        poolMin: 0,
        connectTimeoutSeconds: Math.min(sink.connectTimeoutSeconds, PATIENCE_SECONDS),
        statementTimeoutSeconds: Math.min(sink.statementTimeoutSeconds, PATIENCE_SECONDS),
      })
      const looked = { ...sink, createTables: sink.createTables ? ('try' as const) : false }
      return closing(postgresSink(config, name, looked, link), async (opened) => {
        await opened.connect()
        const { version, unsafe } = await lookAtPostgres(link)
        return {
          says: `PostgreSQL ${version} at ${link.where}${sink.table === '' ? '' : `, table ${sink.table}`}`,
          warnings: unsafe.map((setting) => ({
            says: `${setting} of the server is off`,
            advice: `A crash of the server can lose rows that it has acknowledged: set ${setting} to on, there or for this role.`,
          })),
        }
      })
    },
  }))
}

function postgresSink(
  config: Config,
  name: string,
  sink: Omit<PostgresConfig, 'createTables'> & { readonly createTables: boolean | 'try' },
  link: PostgresLink,
): Sink {
  return createPostgresSink({
    name,
    clock,
    link,
    table: sink.table,
    statements: sink.statements,
    idempotency: sink.idempotency,
    idColumn: sink.idColumn,
    scope: config.sources.kafka.consumerGroup,
    schema: sink.stateSchema,
    createTables: sink.createTables,
    keepIdsMs: sink.keepIdsHours * 3_600_000,
    statementTimeoutMs: statementMs(config, sink),
  })
}

function linkOf(config: Config, name: string, sink: PostgresConfig): PostgresLink {
  return postgresLink({
    name,
    dsn: sink.dsn,
    ...(sink.password === '' ? {} : { password: sink.password }),
    ...(sink.passwordFile === '' ? {} : { passwordFile: sink.passwordFile }),
    tls: sink.tls,
    poolMin: sink.poolMin,
    poolMax: sink.poolMax,
    connectTimeoutMs: sink.connectTimeoutSeconds * 1000,
    answerTimeoutMs: 1.1 * statementMs(config, sink),
    prepared: sink.preparedStatements,
  })
}

/** An attempt must be over in the database before the delivery gives it up and sends the batch again. */
function statementMs(
  { sinks }: Config,
  { statementTimeoutSeconds }: Pick<PostgresConfig, 'statementTimeoutSeconds'>,
): number {
  return 1000 * Math.min(statementTimeoutSeconds, 0.8 * sinks.deliveryTimeoutSeconds)
}
