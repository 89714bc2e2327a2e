import type { Config } from '../../config/index.ts'
import { createPostgresSink, postgresLink } from '../../flow/sinks/index.ts'
import { systemClock as clock } from '../../lib/index.ts'
import { type BuiltSink, limits } from './built.ts'

export function postgresSinks(config: Config): BuiltSink[] {
  return Object.entries(config.sinks.postgres).map(([name, sink]) => {
    // An attempt must be over in the database before the delivery gives it up and sends the batch again.
    const statementMs = 1000 * Math.min(sink.statementTimeoutSeconds, 0.8 * config.sinks.deliveryTimeoutSeconds)
    return {
      sink: createPostgresSink({
        name,
        clock,
        link: postgresLink({
          name,
          dsn: sink.dsn,
          ...(sink.password === '' ? {} : { password: sink.password }),
          ...(sink.passwordFile === '' ? {} : { passwordFile: sink.passwordFile }),
          tls: sink.tls,
          poolMin: sink.poolMin,
          poolMax: sink.poolMax,
          connectTimeoutMs: sink.connectTimeoutSeconds * 1000,
          answerTimeoutMs: 1.1 * statementMs,
          prepared: sink.preparedStatements,
        }),
        table: sink.table,
        statements: sink.statements,
        idempotency: sink.idempotency,
        idColumn: sink.idColumn,
        scope: config.sources.kafka.consumerGroup,
        schema: sink.stateSchema,
        createTables: sink.createTables,
        keepIdsMs: sink.keepIdsHours * 3_600_000,
        statementTimeoutMs: statementMs,
      }),
      batch: limits(sink),
    }
  })
}
