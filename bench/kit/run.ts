import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { descendantsOf, load, machineBusy, mainThreadCpu, memory, processCpu } from './proc.ts'
import type { Topics } from './topics.ts'
import type { Case, Contender, Place } from './workers.ts'

const POLL_MS = 100
/** A child that lives so long is a launcher, not a task. */
const HELPER_MS = 1500
/** Without a new result for so long a run has failed. */
const STALL_MS = 15_000
const STOP_MS = 20_000

/** What one run measured. CPU in seconds, between the last look before the first result and the look with all of them. */
export interface Run {
  readonly results: number
  readonly missing: number
  readonly doubled: number
  readonly committed: number
  /** Seconds from the first result to the last, by the broker's stamps. */
  readonly seconds: number
  readonly rate: number
  /** Seconds from the start of the process to the first result. */
  readonly first: number
  readonly main: number
  readonly process: number
  readonly helpers: number
  readonly tasks: number
  /** Everything on the machine that is neither worker, tasks, broker nor this process. */
  readonly foreign: number
  readonly broker: number
  readonly rss: number
  readonly rssAll: number
  readonly delays: Delays | null
  readonly load: number
  readonly status: number | null
}

/** Milliseconds between ticks of a timer of 1 ms; an idle loop shows 1.1. */
export interface Delays {
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly utilization: number
}

interface Look {
  readonly at: number
  readonly count: number
  readonly main: number
  readonly process: number
  readonly helpers: number
  readonly tasks: number
  readonly broker: number
  readonly self: number
  readonly busy: number
}

export interface RunOptions {
  readonly contender: Contender
  readonly kind: Case
  readonly topics: Topics
  readonly brokers: string
  readonly brokerPid: number
  readonly input: string
  readonly messages: number
  readonly partitions: number
  /** Longest time from the first result on. */
  readonly limitMs: number
}

let runs = 0

/** A worker process with a place of its own, ended with this process at the latest. */
export class WorkerProcess {
  readonly child: ChildProcess
  readonly pid: number
  readonly folder: string
  readonly startedAt = Date.now()
  readonly #kill = (): void => this.#signal('SIGKILL')

  constructor(contender: Contender, kind: Case, place: Place) {
    const { command, args, env } = contender.launch(kind, place)
    this.folder = place.folder
    const log = openSync(join(place.folder, 'worker.log'), 'a')
    this.child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', log, log], detached: true })
    closeSync(log)
    if (this.child.pid === undefined) throw new Error(`${command} cannot be started`)
    this.pid = this.child.pid
    process.on('exit', this.#kill)
  }

  get log(): string {
    return readFileSync(join(this.folder, 'worker.log'), 'utf8')
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** SIGTERM; its whole group is killed where that does not end it. Answers the exit status. */
  async stop(): Promise<number | null> {
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()))
    if (this.alive) {
      this.child.kill('SIGTERM')
      const late = setTimeout(this.#kill, STOP_MS)
      await ended
      clearTimeout(late)
    }
    process.removeListener('exit', this.#kill)
    return this.child.exitCode
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal)
    } catch {
      // Gone already.
    }
  }
}

/** A folder and names that no other run has. */
export function newPlace(brokers: string, input: string, output: string, messages: number): Place {
  runs += 1
  const folder = mkdtempSync(join(tmpdir(), 'drakkar-bench-'))
  mkdirSync(folder, { recursive: true })
  return { brokers, group: `bench-${process.pid}-${runs}`, input, output, messages, folder }
}

/** Starts a worker on a topic that is filled already, watches it until the last result, stops it, counts. */
export async function measure(options: RunOptions): Promise<Run> {
  const { topics, input, messages, kind, contender, brokers, partitions } = options
  const output = `out-${process.pid}-${runs + 1}`
  await topics.create(output, partitions)
  const place = newPlace(brokers, input, output, messages)
  const worker = new WorkerProcess(contender, kind, place)
  try {
    const watch = new Watch(worker.pid, options.brokerPid)
    const { before, end } = await follow(options, worker, watch, output)
    await wait(700)
    const committed = await topics.committed(input, place.group)
    const rss = Math.max(watch.rss, memory(worker.pid, 'VmHWM'))
    const status = await worker.stop()
    const results = await topics.read(
      output,
      Array.from({ length: partitions }, () => 0),
    )
    const times = results.map((result) => result.at).sort((a, b) => a - b)
    const distinct = new Set(results.map((result) => result.id)).size
    const first = times[0] ?? 0
    const seconds = ((times.at(-1) ?? 0) - first) / 1000
    const spent = (key: keyof Look): number => end[key] - before[key]
    const known = spent('process') + spent('helpers') + spent('tasks') + spent('broker') + spent('self')
    return {
      results: results.length,
      missing: messages - distinct,
      doubled: results.length - distinct,
      committed,
      seconds,
      rate: (results.length - 1) / seconds,
      first: (first - worker.startedAt) / 1000,
      main: spent('main'),
      process: spent('process'),
      helpers: spent('helpers'),
      tasks: spent('tasks'),
      foreign: Math.max(0, spent('busy') - known),
      broker: spent('broker'),
      rss,
      rssAll: watch.rssAll,
      delays: readDelays(place.folder),
      load: load(),
      status,
    }
  } finally {
    await worker.stop()
    if (process.env['BENCH_KEEP'] === undefined) rmSync(place.folder, { recursive: true, force: true })
  }
}

async function follow(
  { topics, messages, limitMs }: RunOptions,
  worker: WorkerProcess,
  watch: Watch,
  output: string,
): Promise<{ readonly before: Look; readonly end: Look }> {
  let before = watch.look(0)
  let changed = Date.now()
  let count = 0
  let firstAt = 0
  for (;;) {
    const now = (await topics.ends(output)).reduce((sum, end) => sum + end, 0)
    const look = watch.look(now)
    if (now === 0) before = look
    else if (firstAt === 0) firstAt = look.at
    if (now !== count) changed = look.at
    count = now
    if (count >= messages) return { before, end: look }
    const still = look.at - changed > STALL_MS
    const tooLong = firstAt > 0 && look.at - firstAt > limitMs
    if (!worker.alive || still || tooLong) {
      const what = !worker.alive ? 'the worker ended' : still ? 'nothing more came' : 'it takes too long'
      throw new Error(`${what} after ${count} of ${messages} results\n${worker.log.slice(-3000)}`)
    }
    await wait(POLL_MS)
  }
}

/** Looks at a worker and its children from outside. */
class Watch {
  rss = 0
  rssAll = 0
  readonly #pid: number
  readonly #brokerPid: number
  readonly #seen = new Map<number, number>()
  readonly #helpers = new Map<number, { own: number; reaped: number }>()
  #listed = 0

  constructor(pid: number, brokerPid: number) {
    this.#pid = pid
    this.#brokerPid = brokerPid
  }

  look(count: number): Look {
    const at = Date.now()
    if (at - this.#listed > 500) this.#list(at)
    for (const [pid, since] of this.#seen) {
      const cpu = at - since > HELPER_MS ? processCpu(pid) : null
      if (cpu !== null) this.#helpers.set(pid, cpu)
    }
    const own = processCpu(this.#pid)
    const helpers = [...this.#helpers.values()]
    const { user, system } = process.cpuUsage()
    return {
      at,
      count,
      main: mainThreadCpu(this.#pid),
      process: own?.own ?? 0,
      helpers: helpers.reduce((sum, helper) => sum + helper.own, 0),
      tasks: helpers.reduce((sum, helper) => sum + helper.reaped, own?.reaped ?? 0),
      broker: processCpu(this.#brokerPid)?.own ?? 0,
      self: (user + system) / 1e6,
      busy: machineBusy(),
    }
  }

  #list(at: number): void {
    this.#listed = at
    const children = new Set(descendantsOf(this.#pid))
    for (const pid of this.#seen.keys()) if (!children.has(pid)) this.#seen.delete(pid)
    for (const pid of children) if (!this.#seen.has(pid)) this.#seen.set(pid, at)
    this.rss = Math.max(this.rss, memory(this.#pid, 'VmHWM'))
    let all = memory(this.#pid, 'VmRSS')
    for (const [pid, since] of this.#seen) if (at - since > HELPER_MS) all += memory(pid, 'VmRSS')
    this.rssAll = Math.max(this.rssAll, all)
  }
}

function readDelays(folder: string): Delays | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'figures.json'), 'utf8')) as Delays
  } catch {
    return null
  }
}
