/**
 * Kafka -> task -> Kafka beside the ancestor, on one broker, in turn, several rounds; medians and ratios.
 * `node --conditions=drakkar-src bench/kafka.ts [true] [noop] [pre] [--rounds 3] [--ours] [--scale 1] [--json FILE] [--prof FOLDER]`
 */
import { appendFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startKafka } from '../test/services/kafka.ts'
import { load, machine } from './kit/proc.ts'
import { measure, type Run } from './kit/run.ts'
import { median, table } from './kit/table.ts'
import { Topics } from './kit/topics.ts'
import { ancestor, type Case, type Contender, installAncestor, ours } from './kit/workers.ts'

const PARTITIONS = 8
const LIMIT_MS = 30_000
/** Messages for about ten seconds each: this project's, the ancestor's tuned, and with its documentation's settings. */
const MESSAGES: Readonly<Record<Case, readonly [number, number, number]>> = {
  true: [24_000, 8_000, 3_000],
  noop: [40_000, 9_000, 3_000],
  pre: [150_000, 20_000, 6_000],
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    ours: { type: 'boolean', default: false },
    json: { type: 'string' },
    prof: { type: 'string' },
  },
})
const cases = (positionals.length === 0 ? ['true', 'noop', 'pre'] : positionals) as Case[]
const nodeArgs = values.prof === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.prof}`]
if (process.env['BENCH_NODE_ARGS'] !== undefined) nodeArgs.push(...process.env['BENCH_NODE_ARGS'].split(' '))
const contenders: readonly (readonly [Contender, number])[] = [
  [ours('same', nodeArgs), 0],
  ...(values.ours
    ? []
    : ([
        [ancestor('tuned'), 1],
        [ours('defaults'), 0],
        [ancestor('docs'), 2],
      ] as const)),
]

process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
if (!values.ours) installAncestor()
console.log(`${machine()}; load ${load()} at the start; ${PARTITIONS} partitions, 8 at once, ${values.rounds} rounds`)
await using broker = await startKafka()
const topics = await Topics.open(broker.brokers)
let wrong = 0
for (const kind of cases) wrong += await compare(kind)
await topics.close()
if (wrong > 0) process.exitCode = 1

/** Answers how many runs lost or doubled something. */
async function compare(kind: Case): Promise<number> {
  const runs = new Map<Contender, Run[]>(contenders.map(([contender]) => [contender, []]))
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [contender, which] of contenders) {
      const messages = Math.round((MESSAGES[kind][which] as number) * Number(values.scale))
      const input = `in-${messages}`
      await topics.fill(input, PARTITIONS, messages)
      const run = await measure({
        contender,
        kind,
        topics,
        brokers: broker.brokers,
        brokerPid: broker.pid,
        input,
        messages,
        partitions: PARTITIONS,
        limitMs: LIMIT_MS,
      })
      runs.get(contender)?.push(run)
      if (values.json !== undefined) {
        appendFileSync(values.json, `${JSON.stringify({ kind, contender: contender.name, round, ...run })}\n`)
      }
      console.log(
        `${kind} ${contender.name}: ${Math.round(run.rate)}/s, foreign ${run.foreign.toFixed(1)} s, load ${run.load}`,
      )
    }
  }
  console.log(
    `\n${table(
      kind,
      [...runs].map(([contender, list]) => [contender.name, list]),
    )}\n`,
  )
  const rates = [...runs.values()].map((list) => median(list.map((run) => run.rate)))
  const [mine, tuned, defaults, docs] = rates as [number, number?, number?, number?]
  if (tuned !== undefined && defaults !== undefined && docs !== undefined) {
    console.log(
      `${kind}: ${(mine / tuned).toFixed(1)}x the tuned ancestor with the same queue, ${(defaults / docs).toFixed(1)}x with the settings of each one's documentation\n`,
    )
  }
  return [...runs.values()].flat().filter((run) => run.missing > 0 || run.doubled > 0).length
}
