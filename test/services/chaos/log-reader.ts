import { KafkaConsumer, type Message } from '@confluentinc/kafka-javascript'

const TIMEOUT_MS = 15_000

type Isolation = 'read_committed' | 'read_uncommitted'

/** What a reader of this kind finds in a topic, and whether anything in it is not decided yet. */
export interface LogContents {
  readonly values: readonly Buffer[]
  /** A transaction is open: what comes after its beginning is not shown. */
  readonly undecided: boolean
}

/** Reads a whole topic from its beginning to where such a reader gets, with a plain client. */
export async function readLog(
  brokers: string,
  topic: string,
  partitions: number,
  isolation: Isolation,
): Promise<LogContents> {
  const client = new KafkaConsumer(
    {
      'bootstrap.servers': brokers,
      'group.id': `log-reader-${process.pid}`,
      'enable.auto.commit': false,
      'enable.partition.eof': true,
      'isolation.level': isolation,
      'fetch.wait.max.ms': 50,
    },
    { 'auto.offset.reset': 'error' },
  )
  client.on('event.error', () => undefined)
  const ended = new Map<number, number>()
  client.on('partition.eof', ({ partition, offset }: { partition: number; offset: number }) =>
    ended.set(partition, offset),
  )
  await new Promise<void>((resolve, reject) =>
    client.connect({ timeout: TIMEOUT_MS }, (error) => (error ? reject(error) : resolve())),
  )
  try {
    client.setDefaultConsumeTimeout(100)
    client.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })))
    const values: Buffer[] = []
    const deadline = performance.now() + 60_000
    while (ended.size < partitions) {
      if (performance.now() > deadline) throw new Error(`${topic} has no end`)
      const messages = await new Promise<Message[]>((resolve) =>
        client.consume(5000, (error, read) => resolve(error ? [] : read)),
      )
      for (const { value } of messages) values.push(value as Buffer)
    }
    const highs = await Promise.all([...ended.keys()].map((partition) => highOf(client, topic, partition)))
    return { values, undecided: [...ended.values()].some((offset, index) => offset < (highs[index] as number)) }
  } finally {
    await new Promise<void>((resolve) => client.disconnect(() => resolve()))
  }
}

function highOf(client: KafkaConsumer, topic: string, partition: number): Promise<number> {
  return new Promise((resolve, reject) =>
    client.queryWatermarkOffsets(topic, partition, TIMEOUT_MS, (error, marks) =>
      error ? reject(error) : resolve(marks.highOffset),
    ),
  )
}
