import { afterAll, beforeAll, expect, test } from 'vitest'
import { direct } from './chaos/director.ts'
import { Stage } from './chaos/stage.ts'
import { type KafkaBroker, startKafka } from './kafka.ts'

const NIGHTLY = process.env['DRAKKAR_NIGHTLY'] === '1'
// CHAOS_SEED plays one plan again; the machine decides the rest.
const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 1e9))

let kafka: KafkaBroker
beforeAll(async () => {
  kafka = await startKafka()
}, 90_000)
afterAll(() => kafka?.stop())

test('nothing is lost and nothing runs again without need while workers are killed, come and go, and the broker restarts', {
  timeout: NIGHTLY ? 3_000_000 : 240_000,
}, async () => {
  const say = (line: string): void => void process.stdout.write(`chaos ${seed}: ${line}\n`)
  await using stage = await Stage.open(kafka.brokers, 'chaos', { partitions: 12 })
  const violations = await direct(stage, {
    seed,
    messages: NIGHTLY ? 200_000 : 10_000,
    kills: NIGHTLY ? 60 : 5,
    joins: NIGHTLY ? 8 : 1,
    leaves: NIGHTLY ? 8 : 1,
    restarts: NIGHTLY ? 3 : 1,
    restartBroker: () => kafka.restart(),
    withinMs: 90_000,
    say,
  })
  expect(violations.slice(0, 40), `CHAOS_SEED=${seed}`).toEqual([])
})
