import type { RdClient, RdMetadata } from './client-types.ts'
import { fromClient } from './errors.ts'

/**
 * Partition counts of topics (of all where none is named), null for one that does not exist. All topics are listed, not
 * these: asking a broker for one by name creates it where the cluster is set up so.
 */
export function describeTopics(
  client: RdClient,
  topics: readonly string[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, number | null>> {
  return new Promise((resolve, reject) => {
    client.getMetadata({ timeout: timeoutMs, allTopics: true }, (error, metadata) => {
      if (error) reject(fromClient(error, `reading the metadata of ${topics.join(', ')}`))
      else resolve(partitionCounts(metadata, topics))
    })
  })
}

function partitionCounts(metadata: RdMetadata, topics: readonly string[]): ReadonlyMap<string, number | null> {
  const known = new Map(metadata.topics.map((topic) => [topic.name, topic.partitions.length]))
  const asked = topics.length === 0 ? [...known.keys()] : topics
  return new Map(asked.map((topic) => [topic, known.get(topic) || null]))
}
