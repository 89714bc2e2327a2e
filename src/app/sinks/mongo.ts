import type { Config } from '../../config/index.ts'
import { createMongoSink, MongoLink } from '../../flow/sinks/index.ts'
import { type BuiltSink, limits } from './built.ts'

export function mongoSinks(config: Config): BuiltSink[] {
  return Object.entries(config.sinks.mongo).map(([name, sink]) => ({
    sink: createMongoSink({
      name,
      link: new MongoLink({
        name,
        uri: sink.uri,
        database: sink.database,
        writeConcern: sink.writeConcern,
        writeTimeoutMs: sink.writeTimeoutSeconds * 1000,
        connectTimeoutMs: sink.connectTimeoutSeconds * 1000,
        maxPoolSize: sink.maxPoolSize,
      }),
      statements: sink.statements,
      ordered: sink.ordered,
    }),
    batch: limits(sink),
  }))
}
