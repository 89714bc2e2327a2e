// The process of the embedded broker: librdkafka's mock cluster lives in a producer that is never used to produce.

import type { RdMetadata, RdProducer } from '../../flow/source/kafka/confluent/client-types.ts'
import { loadClient } from '../../flow/source/kafka/confluent/load.ts'
import { reasonOf } from '../../model/index.ts'
import type { FromBroker, ToBroker } from './protocol.ts'

const WAIT_MS = 5_000

function tell(message: FromBroker): void {
  process.send?.(message)
}

function metadata(host: RdProducer, topic?: string): Promise<RdMetadata> {
  const of =
    topic === undefined ? { timeout: WAIT_MS, allTopics: false } : { timeout: WAIT_MS, allTopics: false, topic }
  return new Promise((resolve, reject) => {
    host.getMetadata(of, (error, read) => (error ? reject(new Error(error.message)) : resolve(read)))
  })
}

async function start(brokers: number): Promise<RdProducer> {
  const { Producer } = loadClient()
  const host = new Producer({ 'test.mock.num.brokers': brokers, log_level: 2 })
  await new Promise<void>((resolve, reject) => {
    host.connect({ timeout: WAIT_MS, allTopics: false }, (error) =>
      error ? reject(new Error(error.message)) : resolve(),
    )
  })
  return host
}

/** The cluster creates a topic when someone asks for it by name; the answer of the first time may still lack it. */
async function ensure(host: RdProducer, topic: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { topics } = await metadata(host, topic)
    if (topics.some((known) => known.name === topic && known.partitions.length > 0)) return
  }
  throw new Error(`the embedded broker did not create ${topic}`)
}

process.once('disconnect', () => process.exit(0))

try {
  const host = await start(Number(process.argv[2] ?? 1))
  process.on('message', (message: ToBroker) => {
    ensure(host, message.ensure).then(
      () => tell({ ensured: message.id }),
      (error: unknown) => tell({ ensured: message.id, error: reasonOf(error) }),
    )
  })
  const { brokers } = await metadata(host)
  tell({ brokers: brokers.map(({ host: name, port }) => `${name}:${port}`).join(',') })
} catch (error) {
  tell({ failed: reasonOf(error) })
  process.exitCode = 1
  process.disconnect()
}
