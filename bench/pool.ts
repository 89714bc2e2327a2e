/**
 * What a task costs in a persistent process: the runner `pool` alone, with programs that just answer, in both protocols and
 * two shapes (one process with 64 tasks in flight, eight with one). Beside it, in turn, one asyncio process that speaks
 * JSON lines to the same program, so that the ratios come from the same minutes.
 * `node --conditions=drakkar-src bench/pool.ts [rounds] [seconds]`
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PoolRunner, startLaunchers } from '../src/flow/executor/index.ts'
import { systemClock as clock, systemRandom as random } from '../src/lib/index.ts'
import type { Task } from '../src/model/index.ts'
import { machine, mainThreadCpu } from './kit/proc.ts'
import { median } from './kit/table.ts'

interface Lane {
  readonly name: string
  readonly protocol: 'json' | 'frames'
  readonly processes: number
  readonly inFlight: number
}

const PEERS = join(import.meta.dirname, 'peers')
const LANES: readonly Lane[] = [
  { name: 'json, 1 process x 64', protocol: 'json', processes: 1, inFlight: 64 },
  { name: 'json, 8 processes x 1', protocol: 'json', processes: 8, inFlight: 1 },
  { name: 'frames, 1 process x 64', protocol: 'frames', processes: 1, inFlight: 64 },
  { name: 'frames, 8 processes x 1', protocol: 'frames', processes: 8, inFlight: 1 },
]

const rounds = Number(process.argv[2] ?? 3)
const seconds = Number(process.argv[3] ?? 2)
const folder = mkdtempSync(join(tmpdir(), 'bench-pool-'))
const program = join(folder, 'echo')
execFileSync('cc', ['-O2', '-o', program, join(PEERS, 'pool-echo.c')])

const task: Task = {
  id: 'task',
  messages: [],
  args: [],
  env: {},
  metadata: undefined,
  labels: {},
  stdin: Buffer.alloc(100, 'x'),
}

async function pool(lane: Lane): Promise<{ rate: number; mainUs: number }> {
  const launchers = await startLaunchers({
    env: process.env,
    clock,
    announce: () => undefined,
    failed: () => undefined,
  })
  const runner = new PoolRunner({
    launchers,
    clock,
    random,
    announce: () => undefined,
    program,
    args: [lane.protocol],
    protocol: lane.protocol,
    processes: lane.processes,
    inFlight: lane.inFlight,
    maxAnswerBytes: 1 << 24,
    timeoutMs: 10_000,
    graceMs: 1_000,
    readyTimeoutMs: 5_000,
    noProgressMs: 0,
    recycle: { afterTasks: 0, afterMs: 0, maxRssBytes: 0, idleMs: 0 },
    watch: [],
    maxStdoutBytes: 1 << 20,
    maxStderrBytes: 1 << 18,
    onOutputCap: 'fail',
    parent: process.env,
    inheritParent: true,
    deny: [],
    env: {},
  })
  await runner.start()
  const lanes = async (ms: number): Promise<number> => {
    const end = performance.now() + ms
    let done = 0
    const one = async (): Promise<void> => {
      while (performance.now() < end) {
        const outcome = await runner.run(task, new AbortController().signal)
        if (outcome.verdict !== 'ok' || outcome.stdout.length !== 100) throw new Error(outcome.message)
        done += 1
      }
    }
    await Promise.all(Array.from({ length: lane.processes * lane.inFlight }, one))
    return done
  }
  await lanes(300)
  const [begun, cpu] = [performance.now(), mainThreadCpu(process.pid)]
  const done = await lanes(seconds * 1000)
  const took = (performance.now() - begun) / 1000
  const used = mainThreadCpu(process.pid) - cpu
  await runner.stop()
  await launchers.stop()
  return { rate: done / took, mainUs: (used / done) * 1e6 }
}

/** The same over pipes, in Python; JSON lines only. */
function asyncio({ protocol, processes, inFlight }: Lane): number | null {
  if (protocol !== 'json') return null
  const args = [join(PEERS, 'pool_peer.py'), program, String(processes), String(inFlight), String(seconds)]
  return Number(execFileSync('python3', args, { encoding: 'utf8' }))
}

process.stdout.write(
  `${machine()}\n\n| lane | tasks/s | main thread, µs | asyncio, tasks/s | ratio |\n| --- | --- | --- | --- | --- |\n`,
)
for (const lane of LANES) {
  const ours: { rate: number; mainUs: number }[] = []
  const theirs: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await pool(lane))
    const peer = asyncio(lane)
    if (peer !== null) theirs.push(peer)
  }
  const rate = median(ours.map((one) => one.rate))
  const peer = theirs.length === 0 ? null : median(theirs)
  const cells = [
    lane.name,
    rate.toFixed(0),
    median(ours.map((one) => one.mainUs)).toFixed(1),
    peer === null ? '' : peer.toFixed(0),
    peer === null ? '' : (rate / peer).toFixed(1),
  ]
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}
