/**
 * What running tasks costs, each line in turn and in a process of its own, several rounds, medians; ratios come from the same
 * minutes. `node --conditions=drakkar-src bench/executor.ts [launch] [heap] [cpu] [sleep] [pool] [flow] [--rounds 3] [--scale 1]`
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SEMI_SPACE } from '../src/cli/start-again.ts'
import type { Figures, LaunchKind } from './executor/launching.ts'
import { buildPrograms } from './executor/programs.ts'
import type { FlowKind } from './executor/runners.ts'
import { load, machine, machineBusy } from './kit/proc.ts'
import { median } from './kit/table.ts'

interface Line {
  readonly work: string
  readonly by: string
  /** Its rate is what the ratios of the lines with the same work refer to. */
  readonly base?: 'floor' | 'python'
  run(): Figures
  /** Where not a rival but the clock sets the limit: runs per second. */
  readonly limit?: number
}

const HERE = join(import.meta.dirname, 'executor')
const PEERS = join(import.meta.dirname, 'peers')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, scale: { type: 'string', default: '1' } },
})
const scale = Number(values.scale)
const POOL_SECONDS = 2
const programs = buildPrograms()
const sections: Readonly<Record<string, () => readonly Line[]>> = {
  launch: () => [
    ...[8, 64].flatMap((inFlight) => launching('/bin/true', '/bin/true', inFlight, 4_000)),
    ...[8, 64].flatMap((inFlight) => launching('small static', programs.small, inFlight, 12_000)),
  ],
  heap: () =>
    [0, 500].map((heapMb) => ({
      work: 'small static, 64 in flight',
      by: `native, ${heapMb} MB more in the heap`,
      run: () => lane('native', 64, runsOf(12_000), programs.small, heapMb),
    })),
  cpu: () =>
    [1, 5, 20].flatMap((ms) => {
      const work = `${ms} ms of CPU, 4 in flight`
      const runs = runsOf(8_000 / (ms + 3))
      const program = programs.burning(ms)
      return [floor(work, 4, runs, program), python(work, 4, runs, program), native(work, 4, runs, program)]
    }),
  sleep: () =>
    [80, 240].flatMap((slots) => {
      const program = programs.sleeping(30)
      const work = `30 ms asleep, ${slots} at once`
      const runs = runsOf(slots * 150)
      return [
        { ...floor(work, slots, runs, program), limit: slots / 0.03 },
        { work, by: 'whole flow, native', limit: slots / 0.03, run: () => flow('exec', slots, runs, 1, program) },
      ]
    }),
  pool: () => [...pooled(1, 64), ...pooled(8, 1)],
  flow: () => [
    flowLine('result known', 'known', 8, 400_000, 1),
    flowLine('persistent process, JSON lines, 64 at once', 'pool-json', 64, 300_000, 1),
    flowLine('persistent process, frames, 64 at once', 'pool-frames', 64, 300_000, 1),
    flowLine('small static, 8 at once', 'exec', 8, 24_000, 1),
    flowLine('small static, 64 at once', 'exec', 64, 40_000, 1),
    flowLine('small static, 64 at once, 100 messages a task', 'exec', 64, 400_000, 100),
  ],
}

process.stdout.write(`${machine()}, load ${load()} at the start, ${values.rounds} rounds, medians\n`)
for (const name of positionals.length === 0 ? Object.keys(sections) : positionals) {
  const lines = sections[name]?.()
  if (lines === undefined) throw new Error(`there is no section ${name}: ${Object.keys(sections).join(', ')}`)
  compare(name, lines)
}

/** Every line once in each round. */
function compare(name: string, lines: readonly Line[]): void {
  const results = lines.map((): Figures[] => [])
  const [busy, begun] = [machineBusy(), performance.now()]
  for (let round = 0; round < Number(values.rounds); round += 1) {
    lines.forEach((line, at) => results[at]?.push(line.run()))
  }
  const used = (machineBusy() - busy) / ((performance.now() - begun) / 1000)
  process.stdout.write(`\n${name} (the machine had ${used.toFixed(1)} CPUs busy)\n\n`)
  process.stdout.write(
    '| work | by | a second | x floor | x python | of the limit | main thread us | launchers us | loop p99 ms | RSS MB |\n',
  )
  process.stdout.write(`|${' --- |'.repeat(10)}\n`)
  const rateAt = (at: number): number => median((results[at] ?? []).map(({ rate }) => rate))
  lines.forEach((line, at) => {
    const baseRate = (base: Line['base']): number =>
      rateAt(lines.findIndex((one) => one.work === line.work && one.base === base))
    const middle = (field: keyof Figures, digits: number): string =>
      median((results[at] ?? []).map((figures) => figures[field] ?? Number.NaN)).toFixed(digits)
    const cells = [
      line.work,
      line.by,
      `**${rateAt(at).toFixed(0)}**`,
      (rateAt(at) / baseRate('floor')).toFixed(2),
      (rateAt(at) / baseRate('python')).toFixed(2),
      (rateAt(at) / (line.limit ?? Number.NaN)).toFixed(2),
      middle('mainUs', 1),
      middle('launcherUs', 1),
      middle('loopP99Ms', 1),
      middle('rssMb', 0),
    ]
    process.stdout.write(`| ${cells.join(' | ').replaceAll('NaN', '-')} |\n`)
  })
}

function launching(name: string, program: string, inFlight: number, count: number): readonly Line[] {
  const work = `${name}, ${inFlight} in flight`
  const [runs, fewer] = [runsOf(count), runsOf(count / 4)]
  return [
    floor(work, inFlight, runs, program),
    python(work, inFlight, fewer, program),
    { work, by: 'child_process.spawn', run: () => lane('spawn', inFlight, fewer, program, 0) },
    { work, by: 'Node launchers', run: () => lane('node', inFlight, fewer, program, 0) },
    native(work, inFlight, runs, program),
  ]
}

function floor(work: string, inFlight: number, runs: number, program: string): Line {
  const run = (): Figures => ({ rate: Number(answerOf(programs.floor, ['2', inFlight, runs, program])) })
  return { work, by: 'C floor, 2 drivers', base: 'floor', run }
}

function python(work: string, inFlight: number, runs: number, program: string): Line {
  const run = (): Figures => ({
    rate: Number(answerOf('python3', [join(PEERS, 'launch.py'), inFlight, runs, program])),
  })
  return { work, by: 'Python asyncio', base: 'python', run }
}

function native(work: string, inFlight: number, runs: number, program: string): Line {
  return { work, by: 'native launchers', run: () => lane('native', inFlight, runs, program, 0) }
}

/** So many processes with so many tasks in flight in each. */
function pooled(processes: number, inFlight: number): readonly Line[] {
  const work = `persistent, ${processes} x ${inFlight}`
  const peer = [join(PEERS, 'pool_peer.py'), programs.echo, processes, inFlight, POOL_SECONDS]
  const by = (protocol: 'json' | 'frames'): Figures =>
    ours('pool.ts', [protocol, processes, inFlight, POOL_SECONDS, programs.echo])
  return [
    {
      work,
      by: 'Python asyncio, JSON lines',
      base: 'python',
      run: () => ({ rate: Number(answerOf('python3', peer)) }),
    },
    { work, by: 'pool, JSON lines', run: () => by('json') },
    { work, by: 'pool, frames', run: () => by('frames') },
  ]
}

function flowLine(work: string, kind: FlowKind, slots: number, messages: number, perTask: number): Line {
  const program = kind.startsWith('pool') ? programs.echo : programs.small
  return { work, by: 'whole flow', run: () => flow(kind, slots, runsOf(messages), perTask, program) }
}

function lane(kind: LaunchKind, inFlight: number, runs: number, program: string, heapMb: number): Figures {
  return ours('launching.ts', [kind, inFlight, runs, program, heapMb])
}

function flow(kind: FlowKind, slots: number, messages: number, perTask: number, program: string): Figures {
  return ours('flow.ts', [kind, slots, messages, perTask, program])
}

/** With the young generation of a worker. */
function ours(script: string, args: readonly (string | number)[]): Figures {
  const flags = ['--conditions=drakkar-src', SEMI_SPACE]
  return JSON.parse(answerOf(process.execPath, [...flags, join(HERE, script), ...args])) as Figures
}

function answerOf(command: string, args: readonly (string | number)[]): string {
  return execFileSync(command, args.map(String), { encoding: 'utf8' })
}

function runsOf(count: number): number {
  return Math.max(100, Math.round(count * scale))
}
