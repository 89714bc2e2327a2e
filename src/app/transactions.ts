import { type Config, clientProperties, hasTransactions } from '../config/index.ts'
import { type KafkaDriver, Transactor } from '../flow/source/index.ts'
import { systemClock as clock, systemRandom as random } from '../lib/index.ts'
import { type Announce, DrakkarError, type Holds } from '../model/index.ts'

/** Results are visible when their transaction ends: a commit waits no longer than this, milliseconds. */
export const TRANSACTION_AGE_MS = 100

/**
 * What makes transactions of the commits, where a sink asks for it. The transactional id is the group and the worker's
 * name: a worker that comes back under its name ends at once what it had left open.
 */
export function buildTransactor(
  {
    config,
    driver,
    announce,
    workerId,
  }: {
    readonly config: Config
    readonly driver: KafkaDriver
    readonly announce: Announce
    readonly workerId: string
  },
  holds: Holds,
): Transactor | undefined {
  if (!hasTransactions(config)) return undefined
  const transactional = driver.transactional?.bind(driver)
  if (transactional === undefined)
    throw new DrakkarError('CONFIG_INVALID', 'sinks.kafka: this Kafka driver has no transactions', {
      advice: 'Take `transactional: true` out, or use the default driver.',
    })
  const { maxMessageBytes, consumerGroup } = config.sources.kafka
  const transactionalId = `drakkar-${consumerGroup}-${workerId}`
  const compression = Object.values(config.sinks.kafka).find((sink) => sink.transactional)?.compression ?? 'none'
  const client = clientProperties(config.kafka)
  return new Transactor({
    make: () => transactional(client, { transactionalId, compression, maxMessageBytes }),
    transactionalId,
    maxMessageBytes,
    clock,
    random,
    announce,
    holds,
  })
}
