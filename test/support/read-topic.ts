import { randomUUID } from 'node:crypto'
import type { ConsumerOptions, KafkaDriver } from '../../src/flow/source/index.ts'
import { partitionKey, type RawMessage, type TopicPartition } from '../../src/model/index.ts'
import { EMBEDDED_CLIENT, EMBEDDED_GROUP } from '../../src/testing/embedded-broker/index.ts'

/**
 * All records of a topic, read from its beginning by a consumer of its own, up to what the log held when it began;
 * with `atLeast` it waits until there are so many. `group`: a real broker allows no session as short as the default.
 */
export async function readTopic(
  driver: KafkaDriver,
  brokers: string,
  topic: string,
  atLeast = 0,
  group: Omit<ConsumerOptions, 'groupId' | 'topics'> = EMBEDDED_GROUP,
): Promise<readonly RawMessage[]> {
  const consumer = driver.consumer(
    { 'bootstrap.servers': brokers, ...EMBEDDED_CLIENT },
    { ...group, groupId: `read-${randomUUID()}`, topics: [topic] },
  )
  const ends = new Map<string, number>()
  let assigned = false
  await consumer.connect(
    {
      assigned: async (partitions) => {
        for (const at of partitions) ends.set(partitionKey(at), (await consumer.watermarks(at)).high)
        assigned = true
        return partitions.map((at: TopicPartition) => ({ ...at, offset: 'earliest' as const }))
      },
      revoked: async () => undefined,
    },
    { error: () => undefined, outOfRange: () => undefined },
  )
  const records: RawMessage[] = []
  const wanted = (): number =>
    Math.max(
      atLeast,
      [...ends.values()].reduce((sum, high) => sum + high, 0),
    )
  try {
    while (!assigned || records.length < wanted()) records.push(...(await consumer.poll(500, 100)))
  } finally {
    await consumer.close()
  }
  return records
}
