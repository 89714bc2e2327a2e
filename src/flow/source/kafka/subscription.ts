import { DrakkarError, reasonOf } from '../../../model/index.ts'
import type { KafkaConsumer } from './driver.ts'
import type { KafkaSourceSettings } from './options.ts'
import { untilItWorks } from './repeat.ts'
import { isPattern, matchTopics, topicMissing } from './topics.ts'

/** How often a question to the broker is repeated at the start. */
const ATTEMPTS = 4

/** The topics to subscribe to, by name. Patterns need a look at what exists, by a client that joins no group: a producer. */
export async function subscription(settings: KafkaSourceSettings, closing: AbortSignal): Promise<readonly string[]> {
  const { topics } = settings.consumer
  if (!topics.some(isPattern)) return topics
  const scout = settings.driver.producer(settings.client, { lingerMs: 0, compression: 'none' })
  try {
    await scout.connect()
    return matchTopics(topics, [...(await existing(scout, [], settings, closing)).keys()], settings.neverConsume)
  } catch (error) {
    throw asStartError(error)
  } finally {
    await scout.close()
  }
}

/** Rejects with TOPIC_MISSING where one of the topics does not exist. */
export async function checkTopics(
  client: Pick<KafkaConsumer, 'describe'>,
  topics: readonly string[],
  settings: KafkaSourceSettings,
  closing: AbortSignal,
): Promise<void> {
  const described = await existing(client, topics, settings, closing)
  const missing = topics.filter((topic) => (described.get(topic) ?? null) === null)
  if (missing.length === 0 || closing.aborted) return
  throw topicMissing(missing, [...(await existing(client, [], settings, closing)).keys()])
}

/** An error of the start, for the person who reads it. */
export function asStartError(error: unknown): DrakkarError {
  if (error instanceof DrakkarError) return error
  return new DrakkarError('BROKER_UNREACHABLE', `the Kafka source cannot connect: ${reasonOf(error)}`, {
    cause: error,
    advice: 'Check kafka.brokers and the security settings, and that the broker runs and is reachable from here.',
  })
}

async function existing(
  client: Pick<KafkaConsumer, 'describe'>,
  topics: readonly string[],
  settings: KafkaSourceSettings,
  closing: AbortSignal,
): Promise<ReadonlyMap<string, number | null>> {
  const { clock, random } = settings
  const repeat = { clock, random, signal: closing, attempts: ATTEMPTS, failed: () => undefined }
  return (await untilItWorks(() => client.describe(topics), repeat)) ?? new Map<string, number | null>()
}
