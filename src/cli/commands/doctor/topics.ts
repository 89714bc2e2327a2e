import { type ClientPropertyMap, type Config, clientProperties } from '../../../config/index.ts'
import { deadLetterTopic } from '../../../flow/ends/index.ts'
import { confluentDriver, type KafkaProducer, matchTopics } from '../../../flow/source/index.ts'
import { addressFindings } from './brokers.ts'
import { type Finding, ok, problem, problemOf, warning } from './finding.ts'

const CONNECT_MS = 5_000

type Known = ReadonlyMap<string, number | null>

/** A cluster, and what the configuration wants of it. */
interface Cluster {
  readonly label: string
  readonly properties: ClientPropertyMap
}

/** Brokers and topics: of the source, of each Kafka sink, of the dead letters, each cluster asked once. */
export async function kafkaFindings(config: Config): Promise<readonly Finding[]> {
  const asked = new Map<string, Promise<Answered>>()
  const ask = (cluster: Cluster): Promise<Answered> => {
    const key = JSON.stringify(cluster.properties)
    const answer = asked.get(key) ?? askCluster(cluster)
    asked.set(key, answer)
    return answer
  }
  const source = await ask({ label: 'kafka.brokers', properties: clientProperties(config.kafka) })
  const sinks = await Promise.all(
    Object.entries(config.sinks.kafka).map(async ([name, sink]) => ({
      name,
      topic: sink.topic,
      known: (await ask({ label: `sinks.kafka.${name}.brokers`, properties: clientProperties(config.kafka, sink) }))
        .known,
    })),
  )
  const letters =
    config.dlq.type === 'file'
      ? null
      : await ask({ label: 'dlq.brokers', properties: clientProperties(config.kafka, config.dlq) })
  const topics = source.known === null ? [] : sourceFindings(config, source.known)
  return [
    ...(await Promise.all(asked.values())).flatMap((answered) => answered.findings),
    ...topics.flatMap((topic) => topic.finding),
    ...partitionFindings(config, topics),
    ...sinks.flatMap(({ name, topic, known }) => sinkFindings(name, topic, known)),
    ...(letters === null ? [] : deadLetterFindings(config, topics, letters.known)),
  ]
}

interface Answered {
  readonly findings: readonly Finding[]
  /** Every topic with its partitions; null where the cluster could not be asked. */
  readonly known: Known | null
}

async function askCluster({ label, properties }: Cluster): Promise<Answered> {
  const brokers = String(properties['bootstrap.servers'])
  const [addresses, metadata] = await Promise.all([addressFindings(label, brokers), metadataOf(properties)])
  const { known } = metadata
  if (known !== null) {
    return { findings: [...addresses, ok('brokers', `${label}: the cluster answers, ${known.size} topics`)], known }
  }
  const absent = addresses.every(({ mark }) => mark === 'problem')
  return { findings: absent ? addresses : [...addresses, problemOf('brokers', metadata.error)], known }
}

async function metadataOf(properties: ClientPropertyMap): Promise<{ known: Known } | { known: null; error: unknown }> {
  let producer: KafkaProducer | undefined
  try {
    const driver = confluentDriver({ timing: { connectMs: CONNECT_MS, requestMs: CONNECT_MS } })
    producer = driver.producer(properties, { lingerMs: 0, compression: 'none' })
    await producer.connect()
    return { known: await producer.describe([]) }
  } catch (error) {
    return { known: null, error }
  } finally {
    await producer?.close()
  }
}

interface SourceTopic {
  readonly finding: readonly Finding[]
  readonly name: string | null
  readonly partitions: number
}

function sourceFindings({ sources, sinks, dlq }: Config, known: Known): readonly SourceTopic[] {
  const never = [...Object.values(sinks.kafka).map((sink) => sink.topic), ...(dlq.topic === '' ? [] : [dlq.topic])]
  return sources.kafka.topic.flatMap((wanted) => {
    try {
      const names = matchTopics([wanted], [...known.keys()], never)
      const pattern = wanted.startsWith('^')
      const found = names.map((name) => sourceTopic(name, known))
      if (!pattern) return found
      return [
        { finding: [ok('source topics', `${wanted} matches ${names.join(', ')}`)], name: null, partitions: 0 },
        ...found,
      ]
    } catch (error) {
      return [{ finding: [problemOf('source topics', error)], name: null, partitions: 0 }]
    }
  })
}

function sourceTopic(name: string, known: Known): SourceTopic {
  const partitions = known.get(name) ?? 0
  if (partitions > 0) return { finding: [ok('source topics', `${name}: ${countOf(partitions)}`)], name, partitions }
  const advice = 'Create it, correct sources.kafka.topic, or let the user read it (ACLs).'
  return { finding: [problem('source topics', `${name} does not exist`, advice)], name, partitions }
}

/** How far the group can be spread. */
function partitionFindings({ sources, executor }: Config, topics: readonly SourceTopic[]): readonly Finding[] {
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0)
  if (partitions === 0) return []
  const group = sources.kafka.consumerGroup
  const says = `${countOf(partitions)} in all: at most ${partitions} worker${partitions === 1 ? '' : 's'} of the group ${group} can have work, each with ${executor.maxExecutors} slots`
  if (partitions > 1) return [ok('group', says)]
  return [warning('group', says, 'A second worker would only stand by. More partitions let the group grow.')]
}

function sinkFindings(name: string, topic: string, known: Known | null): readonly Finding[] {
  if (known === null) return []
  const partitions = known.get(topic) ?? 0
  if (partitions > 0) return [ok('sink topics', `sinks.kafka.${name}: ${topic}, ${countOf(partitions)}`)]
  const advice = `Create it, correct sinks.kafka.${name}.topic, or let the user write there (ACLs).`
  return [problem('sink topics', `sinks.kafka.${name}: ${topic} does not exist`, advice)]
}

function deadLetterFindings({ dlq }: Config, topics: readonly SourceTopic[], known: Known | null): readonly Finding[] {
  if (known === null) return []
  const names = topics.flatMap(({ name }) => (name === null ? [] : [deadLetterTopic(name, dlq.topic)]))
  return [...new Set(names)].map((name) => {
    const partitions = known.get(name) ?? 0
    if (partitions > 0) return ok('dead letters', `${name}: ${countOf(partitions)}`)
    const advice =
      'Create it, let the user write there (ACLs), or name another one in dlq.topic: messages that cannot be worked on must have somewhere to go.'
    return problem('dead letters', `${name} does not exist`, advice)
  })
}

const countOf = (partitions: number): string => `${partitions} partition${partitions === 1 ? '' : 's'}`
