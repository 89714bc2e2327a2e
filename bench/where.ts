/**
 * Where the main thread's time goes, step by step: Kafka -> task -> Kafka with the defaults under the CPU profiler. A table, and
 * bars in `bench/where.svg`.
 * `node --conditions=drakkar-src bench/where.ts [true] [noop] [pre] [--scale 1]`
 */
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startKafka } from '../test/services/kafka.ts'
import { barsOf } from './kit/bars.ts'
import { load, machine } from './kit/proc.ts'
import { ROOMS, type Room, sharesOf } from './kit/rooms.ts'
import { measure } from './kit/run.ts'
import { Topics } from './kit/topics.ts'
import { type Case, ours } from './kit/workers.ts'

const PARTITIONS = 8
const LIMIT_MS = 60_000
const MESSAGES: Readonly<Record<Case, number>> = { true: 20_000, noop: 30_000, pre: 150_000 }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { scale: { type: 'string', default: '1' } },
})
const cases = (positionals.length === 0 ? ['true', 'noop', 'pre'] : positionals) as Case[]

process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
console.log(`${machine()}; load ${load()} at the start; ${PARTITIONS} partitions, 8 at once`)
await using broker = await startKafka()
const topics = await Topics.open(broker.brokers)
const found: (readonly [Case, ReadonlyMap<Room, number>])[] = []
for (const kind of cases) found.push([kind, await profiled(kind)])
await topics.close()

console.log(
  `\n| us of the main thread for each result | ${cases.join(' | ')} |\n| --- |${cases.map(() => ' --- |').join('')}`,
)
for (const room of ROOMS)
  console.log(`| ${room} | ${found.map(([, us]) => (us.get(room) ?? 0).toFixed(1)).join(' | ')} |`)
const sums = found.map(([, us]) => [...us.values()].reduce((sum, each) => sum + each, 0))
console.log(`| **together** | ${sums.map((sum) => `**${sum.toFixed(0)}**`).join(' | ')} |`)
writeFileSync(join(import.meta.dirname, 'where.svg'), barsOf(found))

async function profiled(kind: Case): Promise<ReadonlyMap<Room, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'drakkar-where-'))
  const messages = Math.round(MESSAGES[kind] * Number(values.scale))
  const input = `in-${messages}`
  await topics.fill(input, PARTITIONS, messages)
  const run = await measure({
    contender: ours('defaults', ['--cpu-prof', `--cpu-prof-dir=${folder}`]),
    kind,
    topics,
    brokers: broker.brokers,
    brokerPid: broker.pid,
    input,
    messages,
    partitions: PARTITIONS,
    limitMs: LIMIT_MS,
  })
  const [profile] = readdirSync(folder)
  if (profile === undefined) throw new Error(`no profile in ${folder}`)
  const us = (run.main / run.results) * 1e6
  const shares = sharesOf(join(folder, profile))
  return new Map([...shares].map(([room, share]) => [room, share * us]))
}
