// The MongoDB sink through the delivery of a worker, beside the plainest good script: insertMany of as many documents with
// the same driver, and one at a time. The server (FerretDB with SQLite) is a process of its own.
// `node --conditions=drakkar-src bench/sinks/mongo.ts`
import { MongoClient } from 'mongodb'
import { createMongoSink, MongoLink } from '../../src/flow/sinks/index.ts'
import { startMongo } from '../../test/services/mongo.ts'
import { type Figures, measured, print, throughDelivery } from './delivered.ts'

const COUNT = Number(process.env['BENCH_RECORDS'] ?? 50_000)
/** Records of a batch, the script's and the sink's. */
const MANY = 256
const data = (n: number): object => ({ n, text: 'x'.repeat(100) })
/** Its id is the record's, as the sink's is, so that it is there once. */
const once = (n: number): object => ({ _id: `jobs:0:${n}:0/mongo:out/0`, ...data(n) })

await using server = await startMongo()
const uri = `mongodb://127.0.0.1:${server.port}/`

async function emptied(): Promise<void> {
  const client = await new MongoClient(uri).connect()
  await client.db('bench').dropDatabase()
  await client.close()
}

async function script(what: string, count: number, size: number, document = data): Promise<Figures> {
  await emptied()
  const client = await new MongoClient(uri).connect()
  const all = client.db('bench').collection('c')
  const { perSecond, cpuUs } = await measured(what, count / size, 1, (n) =>
    all.insertMany(Array.from({ length: size }, (_, at) => document(n * size + at))),
  )
  await client.close()
  return { what, perSecond: perSecond * size, cpuUs: cpuUs / size }
}

async function ours(what: string): Promise<Figures> {
  await emptied()
  const sink = createMongoSink({ name: 'out', link: new MongoLink({ name: 'out', uri, database: 'bench' }) })
  return throughDelivery(what, sink, { maxRecords: MANY, inFlight: 1 }, COUNT, (n) => ({
    mongo: [{ collection: 'c', data: data(n) }],
  }))
}

for (const what of ['once before, so that everything is compiled', 'measured']) {
  process.stdout.write(`${what}\n`)
  print([
    await script(`script, insertMany of ${MANY}, ids of records`, COUNT, MANY, once),
    await ours('sink, insert'),
    await script(`script, insertMany of ${MANY}, ids of the driver`, COUNT, MANY),
    await script('script, one at a time', COUNT / 20, 1),
  ])
}
