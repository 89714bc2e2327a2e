import { existsSync } from 'node:fs'
import { type Facts, type Job, judge, type Result } from './judge.ts'
import { sumOf } from './program.ts'
import { seeded } from './random.ts'
import type { Run } from './run-log.ts'
import { COMMIT_INTERVAL_MS, type Produced, type Stage } from './stage.ts'
import { GroupWatch, letterPlace } from './watch.ts'
import type { WorkerProcess } from './worker.ts'

/** What is done to the workers, when so many messages have ended. */
export interface Act {
  readonly at: number
  readonly what: 'kill' | 'join' | 'leave' | 'restart the broker'
}

export interface ChaosOptions {
  readonly seed: number
  readonly messages: number
  readonly kills: number
  readonly joins: number
  readonly leaves: number
  readonly restarts: number
  readonly restartBroker: () => Promise<void>
  /** How long it may take from one act to the next, milliseconds. */
  readonly withinMs: number
  readonly say: (line: string) => void
}

/** Runs of a failing job. */
export const ATTEMPTS = 2
/**
 * A commit may wait for its interval and for one that is under way, both on a machine that is busy with everything; one
 * that a rebalance refuses is tried again a second later, and one rebalance may follow another.
 */
const COMMIT_WINDOW_MS = COMMIT_INTERVAL_MS + 8_000
/**
 * A leader of the group that is killed while it shares out the partitions keeps the group from taking commits until its
 * session is over, and the next kill may meet the next leader: what was finished since the last commit runs again then.
 */
const BLOCKED_MS = 30_000
/** The session time-out and what a rebalance takes. */
const OUTAGE_TAIL_MS = 15_000
const ORPHANS_MS = 5_000

/** Workers at the beginning. */
const WORKERS = 3

/** Acts in the order of their times, spread over the work, at places that the seed says. Somebody is always there to work. */
export function planOf(options: ChaosOptions, random: () => number): readonly Act[] {
  const whats: Act['what'][] = [
    ...Array<Act['what']>(options.kills).fill('kill'),
    ...Array<Act['what']>(options.joins).fill('join'),
    ...Array<Act['what']>(options.leaves).fill('leave'),
    ...Array<Act['what']>(options.restarts).fill('restart the broker'),
  ]
  return survivable(shuffled(whats, random)).map((what, index) => ({
    what,
    at: Math.floor(((index + 0.3 + 0.6 * random()) / (whats.length + 1)) * options.messages),
  }))
}

/** A leave of the last worker changes places with the next join. */
function survivable(whats: readonly Act['what'][]): Act['what'][] {
  const order = [...whats]
  let alive = WORKERS
  for (let at = 0; at < order.length; at += 1) {
    if (order[at] === 'leave' && alive === 1) {
      const join = order.indexOf('join', at)
      if (join < 0) throw new Error('the plan lets all workers leave')
      order[at] = 'join'
      order[join] = 'leave'
    }
    if (order[at] === 'join') alive += 1
    else if (order[at] === 'leave') alive -= 1
  }
  return order
}

/** Messages of every kind: most of them short, some long, some that cannot be read, some that fail always. */
export function messagesOf(count: number, random: () => number): readonly Produced[] {
  return Array.from({ length: count }, (_, n): Produced => {
    const [kind, ms] = [random(), 5 + Math.floor(20 * random())]
    const key = Buffer.from(`k${n % 97}`)
    if (kind < 0.01) return { key, value: Buffer.from(`{"id":"m${n}", this is no JSON`) }
    if (kind < 0.02) return { key, value: { id: `m${n}`, ms, exit: 3 } }
    if (kind < 0.023) return { key, value: { id: `m${n}`, ms: 1000 } }
    return { key, value: { id: `m${n}`, ms, text: 'x'.repeat(Math.floor(200 * random())) } }
  })
}

/** Lets workers work while it kills, adds and ends them, and answers everything that was wrong. */
export async function direct(stage: Stage, options: ChaosOptions): Promise<readonly string[]> {
  const random = seeded(options.seed)
  await stage.produce(messagesOf(options.messages, random))
  const watch = await GroupWatch.open(stage)
  const show = new Show(stage, options, random, watch)
  for (let n = 0; n < WORKERS; n++) await stage.start(startOptions(stage))
  for (const act of planOf(options, random)) {
    await show.progress(act.at)
    await show.act(act.what)
  }
  await show.progress(options.messages)
  await show.committed()
  const leaving = stage.workers.filter(({ alive }) => alive)
  await Promise.all(leaving.map((worker) => show.leave(worker)))
  await watch.look()
  const facts = await factsOf(stage, watch, show)
  options.say(summary(facts))
  return [...show.violations, ...watch.violations, ...judge(facts)]
}

function startOptions(stage: Stage): Parameters<Stage['start']>[0] {
  return {
    env: { RESULT_FILES: '1' },
    config: {
      executor: { max_retries: ATTEMPTS - 1 },
      sinks: { filesystem: { files: { base_path: `${stage.folder}/results`, fsync: false } } },
    },
  }
}

class Show {
  readonly violations: string[] = []
  readonly kills: { worker: number; at: number }[] = []
  readonly outages: { from: number; to: number }[] = []
  readonly #stage: Stage
  readonly #options: ChaosOptions
  readonly #random: () => number
  readonly #watch: GroupWatch
  readonly #began: number = performance.now()

  constructor(stage: Stage, options: ChaosOptions, random: () => number, watch: GroupWatch) {
    this.#stage = stage
    this.#options = options
    this.#random = random
    this.#watch = watch
  }

  /** Waits until so many messages have ended. */
  async progress(count: number): Promise<void> {
    await this.#until(`${count} of ${this.#options.messages} messages have ended`, async () => {
      await this.#watch.look()
      return this.#watch.done >= count
    })
  }

  async committed(): Promise<void> {
    const reader = await this.#stage.reader(['in'])
    const ends = [...(await reader.ends()).values()]
    await this.#until('the end of every partition is committed', async () => {
      await this.#watch.look()
      return ends.every((end, partition) => (this.#watch.committed[partition] ?? 0) === end)
    })
  }

  async act(what: Act['what']): Promise<void> {
    const alive = this.#stage.workers.filter((worker) => worker.alive)
    const victim = alive[Math.floor(this.#random() * alive.length)] as WorkerProcess
    this.#say(`${what}${what === 'kill' || what === 'leave' ? ` ${victim.pid}` : ''}`)
    if (what === 'kill') await this.#kill(victim)
    else if (what === 'join') await this.#stage.start(startOptions(this.#stage))
    else if (what === 'leave') await this.leave(victim)
    else await this.#restartBroker()
  }

  async leave(worker: WorkerProcess): Promise<void> {
    // Before its first line it has no hold of signals yet, and ends with 143 like any program.
    await this.#until(`${worker.pid} has started`, () => worker.lines.length > 0)
    worker.signal('SIGTERM')
    const { status, signal } = await worker.ended
    if (status !== 0) this.violations.push(`${worker.pid} ended with ${status ?? signal} after SIGTERM`)
  }

  async #kill(victim: WorkerProcess): Promise<void> {
    const { at } = await victim.kill()
    this.kills.push({ worker: victim.pid, at: victim.killedAt ?? at })
    await this.#stage.start(startOptions(this.#stage))
    // Whatever a killed worker had running ends with it.
    const left = (): readonly Run[] =>
      this.#stage
        .runs()
        .filter(({ worker, ended, pid }) => worker === victim.pid && ended === null && existsSync(`/proc/${pid}`))
    await this.#until('no program of a killed worker is left', () => left().length === 0, ORPHANS_MS)
  }

  async #restartBroker(): Promise<void> {
    const from = Date.now()
    await this.#options.restartBroker()
    this.outages.push({ from, to: Date.now() })
  }

  #until(what: string, probe: () => boolean | Promise<boolean>, withinMs = this.#options.withinMs): Promise<true> {
    return this.#stage.until(
      what,
      withinMs,
      async () => {
        const dead = this.#stage.workers.find(({ alive, killedAt }) => !alive && killedAt === null)
        if (dead !== undefined && (await dead.ended).status !== 0)
          throw new Error(`worker ${dead.pid} ended by itself:\n${dead.text.slice(-4000)}`)
        // What is lost now would be waited for in vain.
        if (this.#watch.violations.length > 0) throw new Error(this.#watch.violations.join('\n'))
        return probe()
      },
      () => `${this.#watch.done} done, committed ${JSON.stringify(this.#watch.committed)}`,
    ) as Promise<true>
  }

  #say(line: string): void {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1)
    this.#options.say(`${seconds} s, ${this.#watch.done} done: ${line}`)
  }
}

async function factsOf(stage: Stage, watch: GroupWatch, show: Show): Promise<Facts> {
  const source = await stage.reader(['in'])
  const jobs = (await source.read()).map(({ partition, offset, value }): Job => {
    const text = String(value)
    const base = { partition, offset, sum: sumOf(value ?? Buffer.alloc(0)) }
    if (!text.endsWith('}')) return { ...base, id: text.slice(7, text.indexOf('"', 7)), expected: 'unreadable' }
    const { id, exit } = JSON.parse(text) as { id: string; exit?: number }
    return { ...base, id, expected: exit === undefined ? 'result' : 'failing' }
  })
  const results = watch.results.map(({ value, headers }): Result => {
    const recordId = headers.find(([name]) => name === 'drakkar-id')?.[1]
    return { ...(JSON.parse(String(value)) as Omit<Result, 'recordId'>), recordId: recordId?.toString() ?? null }
  })
  return {
    jobs,
    results,
    lines: stage.files().lines.map((line) => ({ ...(line as unknown as Omit<Result, 'recordId'>), recordId: null })),
    letters: watch.letters.map((letter) => ({ ...letterPlace(letter), sum: sumOf(letter.value ?? Buffer.alloc(0)) })),
    runs: stage.runs(),
    committed: watch.committed,
    ends: [...(await source.ends()).values()],
    kills: show.kills,
    outages: show.outages,
    commits: await stage.commits(),
    commitWindowMs: COMMIT_WINDOW_MS,
    blockedMs: BLOCKED_MS,
    outageTailMs: OUTAGE_TAIL_MS,
    attempts: ATTEMPTS,
  }
}

function summary({ jobs, results, lines, letters, runs, kills }: Facts): string {
  const ids = new Set(runs.map(({ id }) => id))
  const failing = jobs.filter(({ expected }) => expected === 'failing').length
  const again = runs.length - ids.size - failing * (ATTEMPTS - 1)
  return `${jobs.length} messages, ${results.length} results, ${lines.length} lines, ${letters.length} dead letters, ${runs.length} runs (${again} again after ${kills.length} kills)`
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}
