/**
 * One lane that launches, in a process of its own: `launching.ts <native|node|spawn> <in flight> <runs> <program> <heap MB>`
 * prints its figures as JSON.
 */
import { spawn } from 'node:child_process'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startLaunchers } from '../../src/flow/executor/index.ts'
import { systemClock as clock } from '../../src/lib/index.ts'
import type { Task } from '../../src/model/index.ts'
import { mainThreadCpu, processCpu } from '../kit/proc.ts'
import { execRunner } from './runners.ts'

export type LaunchKind = 'native' | 'node' | 'spawn'

/** What a lane measured. */
export interface Figures {
  /** Tasks or messages per second. */
  readonly rate: number
  /** CPU of the main thread and of the launchers without their tasks, microseconds for each. */
  readonly mainUs?: number
  readonly launcherUs?: number
  /** Delay of the event loop, milliseconds. */
  readonly loopP99Ms?: number
  readonly rssMb?: number
}

type Started = readonly [run: () => Promise<unknown>, launchers: readonly number[], stop: () => Promise<void>]

const WARM_UP = 200

const [kind, inFlight, runs, program, heapMb] = process.argv.slice(2) as [LaunchKind, string, string, string, string]
const touched = Buffer.alloc(Number(heapMb) * 1024 * 1024, 1)
const figures = await measure()
process.stdout.write(`${JSON.stringify(figures)}\n`)
process.exit(touched.length < 0 ? 1 : 0)

async function measure(): Promise<Figures> {
  const [run, pids, stop] = kind === 'spawn' ? spawner() : await launching()
  const lanes = async (count: number): Promise<void> => {
    let left = count
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await run()
      }
    }
    await Promise.all(Array.from({ length: Number(inFlight) }, lane))
  }
  await lanes(Math.min(WARM_UP, Number(runs)))
  const launcherCpu = (): number => pids.reduce((sum, pid) => sum + (processCpu(pid)?.own ?? 0), 0)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const [main, launchers, begun] = [mainThreadCpu(process.pid), launcherCpu(), performance.now()]
  await lanes(Number(runs))
  const seconds = (performance.now() - begun) / 1000
  const answer = {
    rate: Number(runs) / seconds,
    mainUs: ((mainThreadCpu(process.pid) - main) / Number(runs)) * 1e6,
    launcherUs: ((launcherCpu() - launchers) / Number(runs)) * 1e6,
    loopP99Ms: delay.percentile(99) / 1e6,
  }
  await stop()
  return answer
}

/** As anybody would do it without launchers. */
function spawner(): Started {
  const run = (): Promise<void> =>
    new Promise((resolve) => {
      const child = spawn(program, [], { stdio: ['ignore', 'pipe', 'pipe'] })
      child.stdout.resume()
      child.stderr.resume()
      child.once('close', () => resolve())
    })
  return [run, [], () => Promise.resolve()]
}

async function launching(): Promise<Started> {
  const pids: number[] = []
  const launchers = await startLaunchers({
    kind: kind === 'node' ? 'node' : 'native',
    env: process.env,
    clock,
    announce: (event) => event.type === 'launcher_started' && pids.push(event.pid),
    failed: (error) => {
      throw error
    },
  })
  const runner = execRunner(launchers, program)
  await runner.start()
  const task: Task = { id: 'bench', messages: [], args: [], env: {}, metadata: undefined, labels: {} }
  const { signal } = new AbortController()
  const run = async (): Promise<void> => {
    const { verdict } = await runner.run(task, signal)
    if (verdict !== 'ok') throw new Error(`a run ended as ${verdict}`)
  }
  return [run, pids, () => runner.stop()]
}
