import { TopicReader } from './reader.ts'

const TOPIC = '__consumer_offsets'
/** What the first two bytes of a key say where it stands for a position, in both of its versions. */
const POSITION_VERSIONS = [0, 1]

/** A commit that the broker took. */
export interface Commit {
  readonly partition: number
  /** When, milliseconds since 1970. */
  readonly at: number
}

/** All commits of a group for a topic in the order of the broker, as it holds them itself. */
export async function commitsOf(brokers: string, group: string, topic: string): Promise<readonly Commit[]> {
  const reader = await TopicReader.open(brokers, { [TOPIC]: null })
  try {
    return (await reader.read()).flatMap(({ key, value, timestamp }) => {
      const place = key === null || value === null ? null : positionKey(key)
      return place?.group === group && place.topic === topic ? [{ partition: place.partition, at: timestamp }] : []
    })
  } finally {
    await reader.close()
  }
}

/** Version, group, topic and partition: `OffsetCommitKey` of the broker's sources. */
function positionKey(key: Buffer): { group: string; topic: string; partition: number } | null {
  if (!POSITION_VERSIONS.includes(key.readInt16BE(0))) return null
  const [group, afterGroup] = text(key, 2)
  const [topic, afterTopic] = text(key, afterGroup)
  return { group, topic, partition: key.readInt32BE(afterTopic) }
}

/** A string behind its length, and where the next field begins. */
function text(bytes: Buffer, at: number): [string, number] {
  const end = at + 2 + bytes.readInt16BE(at)
  return [bytes.toString('utf8', at + 2, end), end]
}
