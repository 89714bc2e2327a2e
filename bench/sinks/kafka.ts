// The Kafka sink through the delivery of a worker, beside the plainest good script: the same client with the same guarantees
// (idempotent, acknowledged by all), as many records outstanding, and one record at a time. The broker is a process of its own.
// `node --conditions=drakkar-src bench/sinks/kafka.ts`
import { createKafkaSink } from '../../src/flow/sinks/index.ts'
import { confluentDriver } from '../../src/flow/source/index.ts'
import { loadClient } from '../../src/flow/source/kafka/confluent/load.ts'
import { startKafka } from '../../test/services/kafka.ts'
import { kafkaAdmin } from '../../test/services/kafka-admin.ts'
import { type Figures, measured, print, throughDelivery } from './delivered.ts'

const COUNT = Number(process.env['BENCH_RECORDS'] ?? 200_000)
/** As a worker has it. */
const BATCH = { maxRecords: 500, inFlight: 4, paceMs: 5 }
const OUTSTANDING = 2 * BATCH.maxRecords * BATCH.inFlight
const LINGER_MS = 5
const TOPIC = 'results'
const data = (n: number): object => ({ id: n, text: 'x'.repeat(100) })

await using broker = await startKafka()
const admin = kafkaAdmin(broker.brokers)

async function fresh(): Promise<void> {
  await admin.deleteTopic(TOPIC).catch(() => undefined)
  await admin.createTopic(TOPIC, 6)
}

async function script(
  what: string,
  count: number,
  outstanding: number,
  headersOf: (n: number) => object[] | undefined = () => undefined,
): Promise<Figures> {
  await fresh()
  const { Producer } = loadClient()
  const client = new Producer({
    'bootstrap.servers': broker.brokers,
    'enable.idempotence': true,
    acks: -1,
    'linger.ms': outstanding === 1 ? 0 : LINGER_MS,
    'socket.nagle.disable': true,
    partitioner: 'murmur2_random',
    dr_cb: true,
  })
  await new Promise<void>((resolve, reject) =>
    client.connect({ timeout: 10_000, allTopics: false }, (error) => (error ? reject(error) : resolve())),
  )
  client.setPollInBackground(true)
  client.on('delivery-report', (error, { opaque }) => {
    if (error) throw new Error(error.message)
    ;(opaque as () => void)()
  })
  const figures = await measured(what, count, outstanding, (n) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const value = Buffer.from(JSON.stringify(data(n)))
    client.produce(TOPIC, null, value, Buffer.from(`k${n}`), null, resolve, headersOf(n) as never)
    return promise
  })
  await new Promise<void>((resolve) => client.disconnect(1, resolve))
  return figures
}

async function ours(what: string, idHeader: boolean): Promise<Figures> {
  await fresh()
  const producer = confluentDriver().producer(
    { 'bootstrap.servers': broker.brokers },
    { lingerMs: LINGER_MS, compression: 'none' },
  )
  const sink = createKafkaSink({ name: 'out', topic: TOPIC, producer, idHeader })
  return throughDelivery(what, sink, BATCH, COUNT, (n) => ({ kafka: [{ key: `k${n}`, data: data(n) }] }))
}

for (const what of ['once before, so that everything is compiled', 'measured']) {
  process.stdout.write(`${what}\n`)
  print([
    await script(`script, ${OUTSTANDING} outstanding`, COUNT, OUTSTANDING),
    await ours('sink, without the header of ids', false),
    await script('script, one at a time', COUNT / 50, 1),
  ])
  print([
    await script(`script, ${OUTSTANDING} outstanding, a header of ids`, COUNT, OUTSTANDING, (n) => [
      { 'drakkar-id': Buffer.from(`jobs:0:${n}:0/kafka:out/0`) },
    ]),
    await ours('sink', true),
  ])
}
admin.close()
