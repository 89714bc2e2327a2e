/**
 * One lane of persistent processes, in a process of its own: `pool.ts <json|frames> <processes> <in flight in each> <seconds>
 * <program>` prints its figures as JSON.
 */
import type { Task } from '../../src/model/index.ts'
import { mainThreadCpu } from '../kit/proc.ts'
import type { Figures } from './launching.ts'
import { benchLaunchers, type PoolShape, poolRunner } from './runners.ts'

const [protocol, processes, inFlight, seconds, program] = process.argv.slice(2) as [
  PoolShape['protocol'],
  string,
  string,
  string,
  string,
]
const WARM_UP_MS = 300
const PAYLOAD = Buffer.alloc(100, 'x')

const task: Task = {
  id: 'task',
  messages: [],
  args: [],
  env: {},
  metadata: undefined,
  labels: {},
  stdin: PAYLOAD,
}
const launchers = await benchLaunchers(() => undefined)
const shape: PoolShape = { protocol, processes: Number(processes), inFlight: Number(inFlight) }
const runner = poolRunner(launchers, program, shape)
await runner.start()
await through(WARM_UP_MS)
const [begun, cpu] = [performance.now(), mainThreadCpu(process.pid)]
const done = await through(Number(seconds) * 1000)
const took = (performance.now() - begun) / 1000
const figures: Figures = { rate: done / took, mainUs: ((mainThreadCpu(process.pid) - cpu) / done) * 1e6 }
await runner.stop()
await launchers.stop()
process.stdout.write(`${JSON.stringify(figures)}\n`)
process.exit(0)

/** Runs for so long with everything in flight; answers how many tasks ended. */
async function through(ms: number): Promise<number> {
  const end = performance.now() + ms
  const { signal } = new AbortController()
  let count = 0
  const one = async (): Promise<void> => {
    while (performance.now() < end) {
      const outcome = await runner.run(task, signal)
      if (outcome.verdict !== 'ok' || outcome.stdout.length !== PAYLOAD.length) throw new Error(outcome.message)
      count += 1
    }
  }
  await Promise.all(Array.from({ length: shape.processes * shape.inFlight }, one))
  return count
}
