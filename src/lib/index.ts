/**
 * lib: small helpers that know nothing of messages, tasks or Kafka.
 * Imports Node built-ins only.
 */

export { type AddressRules, isMetadataName, refusedAddress } from './addresses.ts'
export { type BackoffOptions, backoffMs } from './backoff.ts'
export { type Clock, sleep, systemClock, type Timer } from './clock.ts'
export { type Deferred, deferred } from './deferred.ts'
export { type Announcer, createAnnouncer } from './emitter.ts'
export { endNow } from './end-now.ts'
export { flushFolder } from './flush-folder.ts'
export { Heap } from './heap.ts'
export { headerProblem } from './http-header.ts'
export { refusedMongoOperator } from './mongo-operators.ts'
export { type PostgresTarget, parsePostgresUrl } from './postgres-url.ts'
export { type Random, seededRandom, systemRandom } from './random.ts'
export { redactSecrets } from './redact.ts'
export { parseRedisUrl, type RedisTarget } from './redis-url.ts'
export { readSecret, SecretFile } from './secret-file.ts'
export { unlessAborted } from './unless-aborted.ts'
