/**
 * A lone message on an idle worker: how long from the broker's stamp of the message to its stamp of the result. This
 * project and the ancestor in turn, one message every 150 ms.
 * `node --conditions=drakkar-src bench/latency.ts [true] [pre] [--messages 80] [--ours]`
 */
import { rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startKafka } from '../test/services/kafka.ts'
import { load, machine } from './kit/proc.ts'
import { newPlace, WorkerProcess } from './kit/run.ts'
import { Topics } from './kit/topics.ts'
import { ancestor, type Case, type Contender, installAncestor, ours } from './kit/workers.ts'

const PARTITIONS = 8
const EVERY_MS = 150
/** Messages before those that count: the group forms, code gets warm. */
const WARM_UP = 20
const PATIENCE_MS = 30_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { messages: { type: 'string', default: '80' }, ours: { type: 'boolean', default: false } },
})
const cases = (positionals.length === 0 ? ['true', 'pre'] : positionals) as Case[]
const contenders = [ours('defaults'), ...(values.ours ? [] : [ancestor('tuned')])]
const messages = Number(values.messages)

process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
if (!values.ours) installAncestor()
console.log(`${machine()}; load ${load()} at the start; ${messages} messages, one every ${EVERY_MS} ms\n`)
console.log('| case | worker | p50 ms | p90 ms | p99 ms | max ms | lost/doubled | load |')
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |')
await using broker = await startKafka()
const topics = await Topics.open(broker.brokers)
let turn = 0
for (const kind of cases) for (const contender of contenders) await one(kind, contender)
await topics.close()

async function one(kind: Case, contender: Contender): Promise<void> {
  turn += 1
  const input = `in-${turn}`
  const output = `out-${turn}`
  await topics.create(input, PARTITIONS)
  await topics.create(`${input}_dlq`, 1)
  await topics.create(output, PARTITIONS)
  const place = newPlace(broker.brokers, input, output, 0)
  const worker = new WorkerProcess(contender, kind, place)
  const write = await topics.writer()
  try {
    await write.job(input, 0, 0)
    await arrived(output, 1, worker)
    for (let n = 1; n < WARM_UP + messages; n += 1) {
      await write.job(input, n, n % PARTITIONS)
      await wait(EVERY_MS)
    }
    await arrived(output, WARM_UP + messages, worker)
  } finally {
    await write.close()
    await worker.stop()
    rmSync(place.folder, { recursive: true, force: true })
  }
  const begin = Array.from({ length: PARTITIONS }, () => 0)
  const sent = new Map((await topics.read(input, begin)).map(({ id, at }) => [id, at]))
  const results = await topics.read(output, begin)
  const distinct = new Set(results.map(({ id }) => id)).size
  const waits = results
    .filter(({ id }) => Number(id.slice(1)) >= WARM_UP)
    .map(({ id, at }) => at - (sent.get(id) ?? Number.NaN))
    .sort((a, b) => a - b)
  const at = (share: number): number =>
    waits[Math.min(waits.length - 1, Math.floor(share * waits.length))] ?? Number.NaN
  console.log(
    `| ${kind} | ${contender.name} | **${at(0.5)}** | ${at(0.9)} | ${at(0.99)} | ${at(1)} | ${WARM_UP + messages - distinct}/${results.length - distinct} | ${load()} |`,
  )
}

async function arrived(topic: string, count: number, worker: WorkerProcess): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await wait(50)) {
    const ends = await topics.ends(topic)
    if (ends.reduce((sum, end) => sum + end, 0) >= count) return
    if (!worker.alive || performance.now() > deadline)
      throw new Error(`${count} results never came to ${topic}\n${worker.log.slice(-3000)}`)
  }
}
