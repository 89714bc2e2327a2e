import type { Config } from '../../config/index.ts'
import { createMongoSink, MongoLink } from '../../flow/sinks/index.ts'
import { type BuiltSink, limits } from './built.ts'
import { closing, PATIENCE_SECONDS, type SinkCheck } from './check.ts'

type MongoConfig = Config['sinks']['mongo'][string]

export function mongoSinks(config: Config): BuiltSink[] {
  return Object.entries(config.sinks.mongo).map(([name, sink]) => ({
    sink: createMongoSink({ name, link: linkOf(name, sink), statements: sink.statements, ordered: sink.ordered }),
    batch: limits(sink),
  }))
}

/** What `drakkar doctor` looks at: as a worker at its start, and whether collections of the statements are there. */
export function mongoChecks(config: Config): SinkCheck[] {
  return Object.entries(config.sinks.mongo).map(([name, sink]) => ({
    path: `sinks.mongo.${name}`,
    run: () => {
      const link = linkOf(name, {
        ...sink,
        connectTimeoutSeconds: Math.min(sink.connectTimeoutSeconds, PATIENCE_SECONDS),
        writeTimeoutSeconds: Math.min(sink.writeTimeoutSeconds, PATIENCE_SECONDS),
      })
      return closing(link, async () => {
        await link.connect()
        const there = await link.collections()
        const missing = Object.entries(sink.statements).filter(([, { collection }]) => !there.has(collection))
        return {
          says: `MongoDB at ${link.where}, database ${sink.database}`,
          warnings: missing.map(([statement, { collection }]) => ({
            says: `statements.${statement}: there is no collection ${collection} yet`,
            advice: 'The first write makes it: correct its name, if it should be there already.',
          })),
        }
      })
    },
  }))
}

function linkOf(name: string, sink: MongoConfig): MongoLink {
  return new MongoLink({
    name,
    uri: sink.uri,
    database: sink.database,
    writeConcern: sink.writeConcern,
    writeTimeoutMs: sink.writeTimeoutSeconds * 1000,
    connectTimeoutMs: sink.connectTimeoutSeconds * 1000,
    maxPoolSize: sink.maxPoolSize,
  })
}
