/**
 * What launching costs: the C floor, one asyncio process, `child_process.spawn`, and this project's launchers of both
 * kinds, in turn, so that the ratios come from the same minutes. `node --conditions=drakkar-src bench/launcher.ts
 * [rounds]`; a line of it alone: `bench/launcher.ts lane <native|node|spawn> <in flight> <runs> <program> <heap MB>`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExecRunner, startLaunchers } from '../src/flow/executor/index.ts'
import { systemClock as clock } from '../src/lib/index.ts'
import type { Task } from '../src/model/index.ts'
import { machine, mainThreadCpu, processCpu } from './kit/proc.ts'
import { median } from './kit/table.ts'

interface Lane {
  readonly rate: number
  /** CPU of the main thread and of the launchers without their tasks, microseconds for each run. */
  readonly mainUs?: number
  readonly launcherUs?: number
}

type Kind = 'floor' | 'python' | 'spawn' | 'node' | 'native'

const PEERS = join(import.meta.dirname, 'peers')
const WARM_UP = 200

if (process.argv[2] === 'lane') {
  const [kind, inFlight, runs, program, heapMb] = process.argv.slice(3) as [Kind, string, string, string, string]
  const touched = Buffer.alloc(Number(heapMb) * 1024 * 1024, 1)
  const lane = await measure(kind, Number(inFlight), Number(runs), program)
  process.stdout.write(`${JSON.stringify(lane)}\n`)
  process.exit(touched.length < 0 ? 1 : 0)
}

let built: string | undefined
await compare(Number(process.argv[2] ?? 3))

async function measure(kind: Kind, inFlight: number, runs: number, program: string): Promise<Lane> {
  const [run, pids, stop] = kind === 'spawn' ? spawner(program) : await launching(kind, program)
  const lanes = async (count: number): Promise<void> => {
    let left = count
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await run()
      }
    }
    await Promise.all(Array.from({ length: inFlight }, lane))
  }
  await lanes(WARM_UP)
  const launcherCpu = (): number => pids.reduce((sum, pid) => sum + (processCpu(pid)?.own ?? 0), 0)
  const [main, launchers, begun] = [mainThreadCpu(process.pid), launcherCpu(), performance.now()]
  await lanes(runs)
  const seconds = (performance.now() - begun) / 1000
  const lane = {
    rate: runs / seconds,
    mainUs: ((mainThreadCpu(process.pid) - main) / runs) * 1e6,
    launcherUs: ((launcherCpu() - launchers) / runs) * 1e6,
  }
  await stop()
  return lane
}

type Started = readonly [run: () => Promise<unknown>, launchers: readonly number[], stop: () => Promise<void>]

/** As anybody would do it without launchers. */
function spawner(program: string): Started {
  const run = (): Promise<void> =>
    new Promise((resolve) => {
      const child = spawn(program, [], { stdio: ['ignore', 'pipe', 'pipe'] })
      child.stdout.resume()
      child.stderr.resume()
      child.once('close', () => resolve())
    })
  return [run, [], () => Promise.resolve()]
}

async function launching(kind: Kind, program: string): Promise<Started> {
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
  const runner = new ExecRunner({
    launchers,
    defaultBinary: program,
    parent: process.env,
    inheritParent: true,
    deny: [],
    env: {},
    timeoutMs: 60_000,
    graceMs: 1_000,
    maxStdoutBytes: 1024 * 1024,
    maxStderrBytes: 1024 * 1024,
    onOutputCap: 'fail',
  })
  await runner.start()
  const task: Task = { id: 'bench', messages: [], args: [], env: {}, metadata: undefined, labels: {} }
  const { signal } = new AbortController()
  const run = async (): Promise<void> => {
    const { verdict } = await runner.run(task, signal)
    if (verdict !== 'ok') throw new Error(`a run ended as ${verdict}`)
  }
  return [run, pids, () => runner.stop()]
}

/** Every line once in each round; medians, and ratios to the floor and to the asyncio process. */
async function compare(rounds: number): Promise<void> {
  const programs = build()
  const lines = programs.flatMap(({ name, program, runs }) =>
    [8, 64].flatMap((inFlight) =>
      (['floor', 'python', 'spawn', 'node', 'native'] as const).flatMap((kind) =>
        (kind === 'native' && inFlight === 64 ? [0, 500] : [0]).map((heapMb) => ({
          name,
          program,
          inFlight,
          kind,
          heapMb,
          results: [] as Lane[],
          runs: kind === 'native' || kind === 'floor' ? runs : Math.ceil(runs / 4),
        })),
      ),
    ),
  )
  for (let round = 0; round < rounds; round += 1) {
    for (const line of lines) line.results.push(oneLane(line.kind, line.inFlight, line.runs, line.program, line.heapMb))
  }
  process.stdout.write(`${machine()}, ${rounds} rounds, medians\n\n`)
  process.stdout.write('| program | in flight | | runs/s | x floor | x python | main thread us | launchers us |\n')
  process.stdout.write('| --- | --- | --- | --- | --- | --- | --- | --- |\n')
  const rateOf = (kind: Kind, of: (typeof lines)[number]): number =>
    median(
      lines
        .find((line) => line.kind === kind && line.name === of.name && line.inFlight === of.inFlight)
        ?.results.map(({ rate }) => rate) ?? [],
    )
  for (const line of lines) {
    const rate = median(line.results.map((lane) => lane.rate))
    const [main, launcher] = (['mainUs', 'launcherUs'] as const).map((field) =>
      median(line.results.map((lane) => lane[field] ?? Number.NaN))
        .toFixed(1)
        .replace('NaN', '-'),
    )
    const kind = line.heapMb === 0 ? line.kind : `${line.kind} +${line.heapMb} MB`
    process.stdout.write(
      `| ${line.name} | ${line.inFlight} | ${kind} | ${rate.toFixed(0)} | ${(rate / rateOf('floor', line)).toFixed(2)} | ${(rate / rateOf('python', line)).toFixed(2)} | ${main} | ${launcher} |\n`,
    )
  }
}

function oneLane(kind: Kind, inFlight: number, runs: number, program: string, heapMb: number): Lane {
  const [command, args] =
    kind === 'floor'
      ? [join(buildFolder(), 'floor'), ['2', String(inFlight), String(runs), program]]
      : kind === 'python'
        ? ['python3', [join(PEERS, 'launch.py'), String(inFlight), String(runs), program]]
        : [
            process.execPath,
            ['--conditions=drakkar-src', import.meta.filename, 'lane', kind, inFlight, runs, program, heapMb].map(
              String,
            ),
          ]
  const answer = execFileSync(command, args, { encoding: 'utf8' })
  return answer.startsWith('{') ? (JSON.parse(answer) as Lane) : { rate: Number(answer) }
}

function buildFolder(): string {
  built ??= mkdtempSync(join(tmpdir(), 'bench-launcher-'))
  return built
}

/** `/bin/true`, and a program that is nearly nothing: what remains is launching. */
function build(): readonly { name: string; program: string; runs: number }[] {
  const folder = buildFolder()
  if (!existsSync(folder)) mkdirSync(folder)
  const [floor, noop] = [join(folder, 'floor'), join(folder, 'noop')]
  execFileSync('cc', ['-O2', '-o', floor, join(PEERS, 'floor.c')])
  execFileSync('cc', ['-O2', '-static', '-nostdlib', '-o', noop, join(PEERS, 'noop.c')])
  return [
    { name: '/bin/true', program: '/bin/true', runs: 4_000 },
    { name: 'small static', program: noop, runs: 12_000 },
  ]
}
