// Three brokers, of which one after the other is killed: partitions, the group and transactions move to the others.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EACH_ONCE, eachOnce } from './chaos/each-once.ts'
import { idsOf, jobIds, jobs } from './chaos/jobs.ts'
import { readLog } from './chaos/log-reader.ts'
import { Stage } from './chaos/stage.ts'
import { type KafkaBroker, startCluster } from './kafka.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
const MESSAGES = NIGHTLY ? 30_000 : 3000
const ROUNDS = NIGHTLY ? 9 : 3

let cluster: readonly KafkaBroker[] = []
let brokers = ''
beforeAll(async () => {
  cluster = await startCluster()
  brokers = cluster.map((broker) => broker.brokers).join(',')
}, 180_000)
afterAll(() => Promise.all(cluster.map((broker) => broker.stop())))

/** Kills each broker in turn while the workers work, and starts it again. */
async function killInTurn(stage: Stage): Promise<void> {
  const runs = (): number => stage.runs().length
  for (let round = 0; round < ROUNDS; round += 1) {
    const goal = Math.min(MESSAGES, Math.floor(((round + 0.5) * MESSAGES) / ROUNDS))
    await stage.until('more runs', 120_000, () => runs() >= goal)
    const broker = cluster[round % cluster.length] as KafkaBroker
    process.kill(broker.pid, 'SIGKILL')
    const then = runs()
    await stage.until('it goes on without that broker', 60_000, () => runs() > then + 20 || runs() >= MESSAGES)
    await broker.restart()
  }
}

// The other test needs all that this one does.
test.runIf(NIGHTLY)(
  'results are there, and each end is committed, whichever broker dies',
  { timeout: 900_000 },
  async () => {
    await using stage = await Stage.open(brokers, 'replicated', { partitions: 6 })
    await stage.produce(jobs(MESSAGES, { ms: 10 }))
    const workers = await Promise.all([stage.ready(), stage.ready()])
    await killInTurn(stage)
    await stage.allCommitted(120_000)
    expect(new Set(idsOf(await stage.records('out')))).toEqual(new Set(jobIds(MESSAGES)))
    expect(await stage.records('dlq')).toEqual([])
    expect(workers.map((worker) => worker.alive)).toEqual([true, true])
  },
)

test('a read_committed reader finds each result once, whichever broker dies', { timeout: 900_000 }, async () => {
  await using stage = await Stage.open(brokers, 'exactly', {
    partitions: 6,
    handler: 'transactional.ts',
    config: { kafka: { client_config: { 'transaction.timeout.ms': 8000 } } },
  })
  await stage.produce(jobs(MESSAGES, { ms: 10 }))
  const config = { sinks: { kafka: { out: { topic: stage.topics.out, transactional: true } } } }
  const workers = await Promise.all([stage.ready({ config }), stage.ready({ config })])
  await killInTurn(stage)
  await stage.allCommitted(120_000)
  let found = await readLog(brokers, stage.topics.out, stage.partitions, 'read_committed')
  await stage.until('every transaction is decided', 60_000, async () => {
    found = await readLog(brokers, stage.topics.out, stage.partitions, 'read_committed')
    return !found.undecided
  })
  const ids = found.values.flatMap((value) => (JSON.parse(String(value)) as { ids: string[] }).ids)
  expect(eachOnce(ids, jobIds(MESSAGES))).toEqual(EACH_ONCE)
  expect(workers.map((worker) => worker.alive)).toEqual([true, true])
})
