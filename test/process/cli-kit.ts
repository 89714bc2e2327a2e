import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { RdConsumer } from '../../src/flow/source/kafka/confluent/client-types.ts'
import { confluentDriver } from '../../src/flow/source/kafka/confluent/index.ts'
import { loadClient } from '../../src/flow/source/kafka/confluent/load.ts'
import type { KafkaProducer } from '../../src/flow/source/kafka/driver.ts'
import {
  EMBEDDED_CLIENT,
  EMBEDDED_GROUP,
  type EmbeddedBroker,
  embeddedBroker,
} from '../../src/testing/embedded-broker/index.ts'

export const ROOT: string = join(import.meta.dirname, '..', '..')
export const MAIN: string = join(ROOT, 'src', 'cli', 'main.ts')
/** How the command starts from the sources. */
export const DRAKKAR: readonly string[] = ['--conditions=drakkar-src', MAIN]

const PATIENCE_MS = 40_000
const LOOK_MS = 20
/** Set by npm or vitest for the tests alone; a worker must not take npm for its starter. */
const OURS = /^(npm_.*|init_cwd|vitest.*|test|node_(options|env|v8_coverage)|drakkar_.*|dk_.*|worker_id)$/i

/** The environment that a user's shell would give. */
export function shellEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name))), ...extra }
}

/** Looks until `found` answers something; rejects with what was waited for when that takes too long. */
export async function until<Found>(
  what: () => string,
  found: () => Found | undefined | null | false | Promise<Found | undefined | null | false>,
  limitMs: number = PATIENCE_MS,
): Promise<Found> {
  const end = performance.now() + limitMs
  for (;;) {
    const got = await found()
    if (got !== undefined && got !== null && got !== false) return got
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what()}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/** A line of the log. */
export type Line = Readonly<Record<string, unknown>> & { readonly event: string; readonly level: string }

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process of the command, and what it writes. */
export class Run {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Lines of the log. */
  readonly lines: Line[] = []
  /** Whatever else it wrote to stderr. */
  readonly text: string[] = []
  stdout = ''
  end: Ended | undefined

  constructor(child: ChildProcess) {
    this.child = child
    let rest = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n')
      rest = parts.pop() ?? ''
      for (const part of parts) this.#note(part)
    })
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        if (rest !== '') this.#note(rest)
        this.end = { code, signal }
        resolve(this.end)
      })
    })
  }

  get pid(): number {
    return this.child.pid as number
  }

  /** Everything that it wrote to stderr. */
  get story(): string {
    return [...this.lines.map((line) => JSON.stringify(line)), ...this.text].join('\n')
  }

  /** The first line of the log of this event (that fits). Rejects at once where the process ends without it. */
  line(event: string, fits: (line: Line) => boolean = () => true): Promise<Line> {
    const find = (): Line | undefined => this.lines.find((line) => line.event === event && fits(line))
    return until(
      () => `${event} in the log of\n${this.story}`,
      () => {
        const line = find()
        if (line === undefined && this.end !== undefined) {
          throw new Error(`ended with ${JSON.stringify(this.end)} before ${event}:\n${this.story}`)
        }
        return line
      },
    )
  }

  ready(): Promise<Line> {
    return this.line('drakkar_ready')
  }

  async address(): Promise<string> {
    const line = await this.line('ops_listening')
    return `http://127.0.0.1:${String(line['port'])}`
  }

  async exit(): Promise<Ended> {
    await until(
      () => `the end of\n${this.story}`,
      () => this.end,
    )
    return this.ended
  }

  #note(part: string): void {
    try {
      const line = JSON.parse(part) as Line
      if (typeof line.event === 'string') {
        this.lines.push(line)
        return
      }
    } catch {
      // Not of the log.
    }
    if (part !== '') this.text.push(part)
  }
}

/** What a job of its own has: topics, group, folder, configuration. */
export interface Job {
  readonly name: string
  readonly folder: string
  readonly topic: string
  readonly group: string
  readonly config: string
  file(name: string, text: string): Promise<string>
  /** Lines of a file below the folder; none where it does not exist. */
  rows(name: string): Promise<readonly unknown[]>
}

export interface JobOptions {
  /** Text of the handler. */
  readonly handler?: string
  /** Name of its file. Default `handler.mts`. */
  readonly file?: string
  /** Sections that go over the usual configuration. */
  readonly config?: Readonly<Record<string, unknown>>
  /** False: nobody creates its topics. */
  readonly topics?: boolean
}

/** A broker, a folder, and jobs on them. Everything that was started ends with it. */
export class Stage implements AsyncDisposable {
  readonly folder: string
  readonly broker: EmbeddedBroker
  readonly #producer: KafkaProducer
  readonly #runs = new Set<Run>()
  #jobs = 0

  private constructor(folder: string, broker: EmbeddedBroker, producer: KafkaProducer) {
    this.folder = folder
    this.broker = broker
    this.#producer = producer
  }

  static async open(): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-cli-'))
    const broker = await embeddedBroker()
    const client = { 'bootstrap.servers': broker.brokers }
    const producer = confluentDriver().producer(client, { lingerMs: 0, compression: 'none' })
    await producer.connect()
    return new Stage(folder, broker, producer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const run of this.#runs) {
      if (run.end !== undefined) continue
      run.child.kill('SIGKILL')
      // A worker that a wrapper left behind; its own pid means nothing outside of a namespace, so its command has to fit.
      const pid = Number(run.lines.find(({ event }) => event === 'config_summary')?.['pid'] ?? 0)
      if (pid > 1 && commandOf(pid).includes(this.folder)) process.kill(pid, 'SIGKILL')
    }
    await Promise.all([...this.#runs].map((run) => run.ended))
    await this.#producer.close()
    await this.broker.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  async job(options: JobOptions = {}): Promise<Job> {
    this.#jobs += 1
    const name = `j${this.#jobs}`
    const folder = join(this.folder, name)
    await mkdir(join(folder, 'node_modules'), { recursive: true })
    await mkdir(join(folder, 'results'))
    await symlink(ROOT, join(folder, 'node_modules', 'drakkar'))
    const file = async (path: string, text: string): Promise<string> => {
      await writeFile(join(folder, path), text)
      return join(folder, path)
    }
    if (options.handler !== undefined) await file(options.file ?? 'handler.mts', options.handler)
    const topic = `jobs-${name}`
    const group = `workers-${name}`
    if (options.topics !== false) {
      await Promise.all([topic, `${topic}_dlq`].map((one) => this.broker.ensureTopic(one)))
    }
    const config = await file(
      'drakkar.yaml',
      stringify(merged(usualConfig(this.broker.brokers, topic, group, folder), options.config ?? {})),
    )
    return { name, folder, topic, group, config, file, rows: (path) => rows(join(folder, path)) }
  }

  /** Starts the command. */
  command(args: readonly string[], of: { cwd?: string; env?: Readonly<Record<string, string>> } = {}): Run {
    return this.spawn(process.execPath, [...DRAKKAR, ...args], of)
  }

  /** Starts any program whose output is that of the command. */
  spawn(
    program: string,
    args: readonly string[],
    of: { cwd?: string; env?: Readonly<Record<string, string>>; detached?: boolean; stdin?: 'pipe' } = {},
  ): Run {
    const child = spawn(program, args, {
      cwd: of.cwd ?? this.folder,
      env: shellEnv(of.env),
      detached: of.detached ?? false,
      stdio: [of.stdin ?? 'ignore', 'pipe', 'pipe'],
    })
    const run = new Run(child)
    this.#runs.add(run)
    return run
  }

  /** `drakkar run` in the job's folder. */
  worker(job: Job, of: { args?: readonly string[]; env?: Readonly<Record<string, string>> } = {}): Run {
    return this.command(['run', 'handler.mts', '-c', job.config, ...(of.args ?? [])], {
      cwd: job.folder,
      ...(of.env === undefined ? {} : { env: of.env }),
    })
  }

  /** Puts JSON values into a topic, spread over its four partitions unless one is named. */
  async produce(topic: string, values: readonly unknown[], partition?: number): Promise<void> {
    await Promise.all(
      values.map((value, at) =>
        this.#producer.send({
          topic,
          partition: partition ?? at % 4,
          key: null,
          value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
          headers: [],
        }),
      ),
    )
  }

  /** What the group has committed, by partition, asked of the broker by a client that joins no group. */
  async committed(job: Job): Promise<readonly (number | null)[]> {
    return this.#looking(job.group, (client) => {
      const partitions = [0, 1, 2, 3].map((partition) => ({ topic: job.topic, partition }))
      return new Promise((resolve, reject) => {
        client.committed(partitions, 10_000, (error, positions) => {
          if (error) reject(new Error(error.message))
          else
            resolve(positions.map((one) => ('offset' in one && (one.offset ?? -1) >= 0 ? (one.offset ?? null) : null)))
        })
      })
    })
  }

  /** How many records a topic holds. */
  async count(topic: string): Promise<number> {
    return this.#looking('counting', async (client) => {
      const counts = [0, 1, 2, 3].map(
        (partition) =>
          new Promise<number>((resolve, reject) => {
            client.queryWatermarkOffsets(topic, partition, 10_000, (error, marks) => {
              if (error) reject(new Error(error.message))
              else resolve(marks.highOffset - marks.lowOffset)
            })
          }),
      )
      return (await Promise.all(counts)).reduce((sum, one) => sum + one, 0)
    })
  }

  async #looking<Answer>(group: string, look: (client: RdConsumer) => Promise<Answer>): Promise<Answer> {
    const { KafkaConsumer } = loadClient()
    const client = new KafkaConsumer(
      { 'bootstrap.servers': this.broker.brokers, 'group.id': group, ...EMBEDDED_CLIENT },
      {},
    )
    await new Promise<void>((resolve, reject) => {
      client.connect({ timeout: 10_000, allTopics: false }, (error) =>
        error ? reject(new Error(error.message)) : resolve(),
      )
    })
    try {
      return await look(client)
    } finally {
      await new Promise<void>((resolve) => client.disconnect(resolve))
    }
  }
}

function usualConfig(brokers: string, topic: string, group: string, folder: string): Record<string, unknown> {
  return {
    kafka: { brokers, client_config: { ...EMBEDDED_CLIENT } },
    sources: {
      kafka: {
        topic: [topic],
        consumer_group: group,
        session_timeout_ms: EMBEDDED_GROUP.sessionTimeoutMs,
        heartbeat_interval_ms: EMBEDDED_GROUP.heartbeatIntervalMs,
        max_poll_interval_ms: EMBEDDED_GROUP.maxPollIntervalMs,
        commit_interval_ms: 50,
      },
    },
    executor: { binary_path: '/bin/cat', max_executors: 4, launchers: 1 },
    sinks: { filesystem: { main: { base_path: join(folder, 'results') } } },
    dlq: { oversize_dir: join(folder, 'dead-letters') },
    metrics: { host: '127.0.0.1', port: 0 },
  }
}

function merged(under: unknown, over: unknown): unknown {
  if (!isTree(under) || !isTree(over)) return over === undefined ? under : over
  const keys = new Set([...Object.keys(under), ...Object.keys(over)])
  return Object.fromEntries([...keys].map((key) => [key, merged(under[key], over[key])]))
}

const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

async function rows(path: string): Promise<readonly unknown[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}

/** Runs a program to its end. */
export function finish(
  program: string,
  args: readonly string[],
  of: { cwd?: string; env?: Record<string, string | undefined> } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: of.cwd, env: of.env ?? shellEnv(), maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

/** Children of a process now, as its threads list them. Cheap enough to look often. */
export function childrenNow(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** False where a process is gone or only waits to be buried. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** Numbers in a file, one a line; none where it does not exist. */
export async function numbersIn(path: string): Promise<readonly number[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n').filter(Boolean).map(Number)
}
