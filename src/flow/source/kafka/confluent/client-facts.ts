import { createRequire } from 'node:module'
import { loadClient } from './load.ts'

const PACKAGE = '@confluentinc/kafka-javascript'

/** What the native client is and can do. */
export interface ClientFacts {
  readonly name: string
  readonly version: string
  readonly librdkafka: string
  /** What librdkafka was built with: `gzip`, `zstd`, `ssl`, `sasl_scram`, … */
  readonly features: readonly string[]
}

/** Loads the native client and asks it. Throws `CLIENT_MISSING` where it cannot be loaded. */
export function clientFacts(): ClientFacts {
  const { librdkafkaVersion, features } = loadClient()
  const { version } = createRequire(import.meta.url)(`${PACKAGE}/package.json`) as { version: string }
  return { name: PACKAGE, version, librdkafka: librdkafkaVersion, features }
}
