import type { Config } from '../config/index.ts'
import type { BatchOptions, Sink, Staging } from '../flow/sinks/index.ts'
import type { KafkaDriver } from '../flow/source/index.ts'
import { DrakkarError } from '../model/index.ts'
import type { BuiltSink } from './sinks/built.ts'
import type { SinkCheck } from './sinks/check.ts'
import { fileSinks } from './sinks/files.ts'
import { httpChecks, httpSinks } from './sinks/http.ts'
import { kafkaSinks } from './sinks/kafka.ts'
import { mongoChecks, mongoSinks } from './sinks/mongo.ts'
import { postgresChecks, postgresSinks } from './sinks/postgres.ts'
import { redisChecks, redisSinks } from './sinks/redis.ts'

export type { SinkCheck } from './sinks/check.ts'
export { customChecks } from './sinks/custom.ts'
export { kafkaProducer } from './sinks/kafka.ts'

/** Every configured sink instance, `custom` ones as they were loaded, with its batch limits by `<kind>:<name>`; transactional ones need `staging`. Throws NO_SINK where there is none. */
export function buildSinks(
  config: Config,
  driver: KafkaDriver,
  custom: readonly BuiltSink[] = [],
  staging?: Staging,
): { readonly sinks: readonly Sink[]; readonly batch: Record<string, Partial<BatchOptions>> } {
  // One function for each kind, in src/app/sinks/.
  const built = [
    ...kafkaSinks(config, driver, staging),
    ...fileSinks(config),
    ...httpSinks(config),
    ...mongoSinks(config),
    ...postgresSinks(config),
    ...redisSinks(config),
    ...custom,
  ]
  if (built.length === 0) {
    throw new DrakkarError('NO_SINK', 'no sink is configured, so results would go nowhere', {
      advice:
        'Add one, for example `sinks: { kafka: { output: { topic: results } } }` or `sinks: { filesystem: { main: { base_path: ./results } } }`.',
    })
  }
  return {
    sinks: built.map(({ sink }) => sink),
    batch: Object.fromEntries(built.map(({ sink, batch }) => [`${sink.kind}:${sink.name}`, batch])),
  }
}

/** Sinks that have a server, to be looked at without a worker; `custom` ones have a function of their own. */
export function sinkChecks(config: Config): readonly SinkCheck[] {
  return [...httpChecks(config), ...mongoChecks(config), ...postgresChecks(config), ...redisChecks(config)]
}
