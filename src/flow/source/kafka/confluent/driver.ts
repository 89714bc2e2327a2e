import { type Clock, systemClock } from '../../../../lib/index.ts'
import type { KafkaDriver } from '../driver.ts'
import { ConfluentConsumer } from './consumer.ts'
import { loadClient } from './load.ts'
import { ConfluentProducer } from './producer.ts'
import { DEFAULT_TIMING, type Timing } from './timing.ts'
import { ConfluentTransactions } from './transactions.ts'

export interface ConfluentDriverOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Default: `DEFAULT_TIMING`. */
  readonly timing?: Partial<Timing>
}

/**
 * The driver over `@confluentinc/kafka-javascript`. The native addon is loaded with the first consumer or producer, which
 * throws `CLIENT_MISSING` where it cannot be; only one thread of a process may use it.
 *
 * Each running `poll` holds one thread of libuv's pool for up to its waiting time, and so do metadata, committed
 * offsets and flushes. With four threads, the default, files and DNS would wait for them: the worker's entry sets
 * `UV_THREADPOOL_SIZE` to 8 or more before anything uses the pool (libuv reads it once, at the first use).
 */
export function confluentDriver(options: ConfluentDriverOptions = {}): KafkaDriver {
  const clock = options.clock ?? systemClock
  const timing = { ...DEFAULT_TIMING, ...options.timing }
  return {
    consumer: (client, of) => new ConfluentConsumer(loadClient(), client, of, clock, timing),
    producer: (client, of) => new ConfluentProducer(loadClient(), client, of, clock, timing),
    transactional: (client, of) => new ConfluentTransactions(loadClient(), client, of, clock, timing),
  }
}
