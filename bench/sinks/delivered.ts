import { type BatchOptions, createDelivery, type Sink } from '../../src/flow/sinks/index.ts'
import { systemClock as clock, systemRandom as random } from '../../src/lib/index.ts'
import type { Outputs } from '../../src/model/index.ts'

/**
 * Calls of the delivery that are open at once, at least: a worker whose sink is its limit has so many results waiting that the
 * next batch is there when one is answered.
 */
const LEAST_CALLS = 1024

export interface Figures {
  readonly what: string
  readonly perSecond: number
  /** CPU of this process for each record, microseconds. */
  readonly cpuUs: number
}

/** Records through the delivery of a worker, one call for each record, as of tasks with one result each. */
export async function throughDelivery(
  what: string,
  sink: Sink,
  batch: Pick<BatchOptions, 'maxRecords' | 'inFlight'> & Partial<BatchOptions>,
  count: number,
  outputs: (n: number) => Outputs,
): Promise<Figures> {
  const delivery = createDelivery({
    sinks: [sink],
    batch: { [`${sink.kind}:${sink.name}`]: batch },
    clock,
    random,
    announce: () => undefined,
    holds: { place: () => () => undefined },
    later: setImmediate,
  })
  await delivery.connect()
  const assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
  const { signal } = new AbortController()
  const calls = Math.max(LEAST_CALLS, 2 * batch.maxRecords * batch.inFlight)
  const figures = await measured(what, count, calls, async (n) => {
    await delivery.deliver(delivery.route(outputs(n), `jobs:0:${n}:0`, assignment), signal)
  })
  await delivery.close(10_000)
  return figures
}

/** Runs `one` for each number, so many at once. */
export async function measured(
  what: string,
  count: number,
  atOnce: number,
  one: (n: number) => Promise<unknown>,
): Promise<Figures> {
  const began = performance.now()
  const before = process.cpuUsage()
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1
      await one(next - 1)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - began) / 1000
  return { what, perSecond: count / seconds, cpuUs: (user + system) / count }
}

/** The figures, each beside the first one. */
export function print(rows: readonly Figures[]): void {
  const [first] = rows
  for (const { what, perSecond, cpuUs } of rows) {
    const ratio = (perSecond / (first?.perSecond ?? perSecond)).toFixed(2)
    const cells = [what.padEnd(44), `${Math.round(perSecond)}/s`.padStart(10), `×${ratio}`.padStart(7)]
    process.stdout.write(`${cells.join(' ')} ${cpuUs.toFixed(0).padStart(6)} µs CPU\n`)
  }
}
