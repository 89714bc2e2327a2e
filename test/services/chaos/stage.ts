import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { confluentDriver } from '../../../src/flow/source/kafka/confluent/index.ts'
import { freePort } from '../../support/free-port.ts'
import { type KafkaAdmin, kafkaAdmin } from '../kafka-admin.ts'
import { type Commit, commitsOf } from './commit-log.ts'
import { compileProgram } from './program.ts'
import { GroupOffsets, type Stored, TopicReader } from './reader.ts'
import { type Run, readRuns } from './run-log.ts'
import { until } from './until.ts'
import { type LogLine, WorkerProcess } from './worker.ts'

const HANDLERS = join(import.meta.dirname, '..', 'handlers')

type Tree = { readonly [key: string]: unknown }

/** What a message is produced with; anything but bytes and null becomes JSON. */
export interface Produced {
  readonly value: Buffer | object | null
  readonly key?: Buffer | null
  readonly partition?: number
  readonly headers?: readonly (readonly [string, Buffer | null])[]
}

export interface StageOptions {
  readonly partitions?: number
  /** File below `handlers`. Default: `logged-runs.ts`. */
  readonly handler?: string
  /** Settings over those of every test, with the names of the YAML file. */
  readonly config?: Tree
  /** Topics that are not made. */
  readonly without?: readonly ('in' | 'out' | 'dlq')[]
  readonly topics?: Partial<Record<'in' | 'out' | 'dlq', Readonly<Record<string, string>>>>
}

let stages = 0

/** What one test works on: topics, a group, a folder, and the workers that it starts. Nothing is shared with other tests. */
export class Stage implements AsyncDisposable {
  readonly brokers: string
  readonly name: string
  readonly folder: string
  readonly topics: { readonly in: string; readonly out: string; readonly dlq: string }
  readonly partitions: number
  readonly workers: WorkerProcess[] = []
  readonly admin: KafkaAdmin
  readonly #config: Tree
  readonly #handler: string
  #disposed = false
  readonly #closing: (() => Promise<void>)[] = []

  private constructor(brokers: string, name: string, options: StageOptions) {
    stages += 1
    this.brokers = brokers
    this.name = `${name}-${process.pid}-${stages}`
    this.topics = { in: `${this.name}-in`, out: `${this.name}-out`, dlq: `${this.name}-in_dlq` }
    this.partitions = options.partitions ?? 4
    this.folder = mkdtempSync(join(tmpdir(), `drakkar-${name}-`))
    mkdirSync(join(this.folder, 'results'))
    this.admin = kafkaAdmin(brokers)
    this.#config = options.config ?? {}
    this.#handler = options.handler ?? 'logged-runs.ts'
  }

  /** `name` is part of the names of topics, group and folder. */
  static async open(brokers: string, name: string, options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(brokers, name, options)
    // A test that runs out of time never leaves its scope.
    onTestFinished(() => stage[Symbol.asyncDispose]())
    try {
      await compileProgram(stage.folder)
      for (const kind of ['in', 'out', 'dlq'] as const) {
        if (options.without?.includes(kind)) continue
        const partitions = kind === 'dlq' ? 1 : stage.partitions
        await stage.admin.createTopic(stage.topics[kind], partitions, options.topics?.[kind])
      }
    } catch (error) {
      await stage[Symbol.asyncDispose]()
      throw error
    }
    return stage
  }

  get program(): string {
    return join(this.folder, 'program')
  }

  /** Starts a worker. `config` goes over the stage's; `env` to the process. */
  async start(
    options: { readonly config?: Tree; readonly env?: Record<string, string>; readonly workerId?: string } = {},
  ): Promise<WorkerProcess> {
    const workerId = options.workerId ?? `w${this.workers.length + 1}`
    const metricsPort = await freePort()
    const configPath = join(this.folder, `config-${this.workers.length + 1}.yaml`)
    const config = merged(merged(this.#defaults(metricsPort), this.#config), options.config ?? {})
    // JSON is YAML.
    writeFileSync(configPath, JSON.stringify(config, null, 2))
    const worker = new WorkerProcess({
      handler: join(HANDLERS, this.#handler),
      configPath,
      workerId,
      folder: this.folder,
      metricsPort,
      env: { RUN_LOG: join(this.folder, 'runs.log'), ...options.env },
    })
    this.workers.push(worker)
    return worker
  }

  /** Starts a worker and waits until messages may flow. */
  async ready(options: Parameters<Stage['start']>[0] = {}): Promise<WorkerProcess> {
    const worker = await this.start(options)
    await this.until('the worker is ready', 60_000, () => {
      if (!worker.alive) throw new Error(`the worker ended instead:\n${worker.text.slice(-4000)}`)
      return worker.says('drakkar_ready')
    })
    return worker
  }

  /** Writes messages to the source topic, in order per partition; resolves when the broker has them all. */
  async produce(messages: readonly Produced[]): Promise<void> {
    const client = { 'bootstrap.servers': this.brokers }
    const producer = confluentDriver().producer(client, {
      lingerMs: 5,
      compression: 'none',
      maxMessageBytes: 20_000_000,
    })
    await producer.connect()
    try {
      await Promise.all(
        messages.map(({ value, key = null, partition, headers = [] }, index) =>
          producer.send({
            topic: this.topics.in,
            partition: partition ?? index % this.partitions,
            key,
            value: value === null || Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)),
            headers,
          }),
        ),
      )
    } finally {
      await producer.close()
    }
  }

  async reader(topics: readonly ('in' | 'out' | 'dlq')[]): Promise<TopicReader> {
    const sizes = topics.map((kind) => [this.topics[kind], kind === 'dlq' ? 1 : this.partitions])
    const reader = await TopicReader.open(this.brokers, Object.fromEntries(sizes) as Record<string, number>)
    this.#closing.push(() => reader.close())
    return reader
  }

  async offsets(): Promise<GroupOffsets> {
    const offsets = await GroupOffsets.open(this.brokers, this.name)
    this.#closing.push(() => offsets.close())
    return offsets
  }

  /** All records of a topic, from its beginning. */
  async records(kind: 'in' | 'out' | 'dlq'): Promise<readonly Stored[]> {
    const reader = await this.reader([kind])
    return reader.read()
  }

  /** Resolves when the group has committed the end of every partition. */
  async allCommitted(withinMs = 60_000): Promise<void> {
    const reader = await this.reader(['in'])
    const offsets = await this.offsets()
    let seen: unknown
    await this.until(
      'everything is committed',
      withinMs,
      async () => {
        const ends = await reader.ends()
        const committed = await offsets.committed(this.topics.in, this.partitions)
        seen = { ends: [...ends.values()], committed }
        // Where nothing was ever written nothing is committed.
        return committed.every((offset, partition) => (offset ?? 0) === ends.get(`${this.topics.in}:${partition}`))
      },
      () => JSON.stringify(seen),
    )
  }

  /** Every commit that the broker took of the group. */
  commits(): Promise<readonly Commit[]> {
    return commitsOf(this.brokers, this.name, this.topics.in)
  }

  async committed(): Promise<readonly (number | null)[]> {
    const offsets = await this.offsets()
    return offsets.committed(this.topics.in, this.partitions)
  }

  runs(): readonly Run[] {
    return readRuns(join(this.folder, 'runs.log'))
  }

  /** Lets the programs end that wait for it, now and from now on. */
  letGo(): void {
    writeFileSync(join(this.folder, 'runs.log.go'), '')
  }

  /** Whole lines of all files that the workers wrote, and how many files end in half a line. */
  files(): { readonly lines: readonly LogLine[]; readonly torn: number } {
    const folder = join(this.folder, 'results')
    const names = readdirSync(folder).filter((name) => !name.startsWith('.'))
    const texts = names.map((name) => readFileSync(join(folder, name), 'utf8'))
    const lines = texts.flatMap((text) => text.split('\n').slice(0, -1))
    return { lines: lines.map((line) => JSON.parse(line) as LogLine), torn: texts.filter(endsTorn).length }
  }

  /** Waits for a fact; where it does not come, says what the workers said last. */
  until<T>(
    what: string,
    withinMs: number,
    probe: () => T | Promise<T>,
    more: () => string = () => '',
  ): Promise<Exclude<T, false | null | undefined>> {
    return until(what, withinMs, probe, () => [more(), ...this.workers.map(lastWords)].join('\n'))
  }

  /** Ends its workers and removes its folder. Twice is fine. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    await Promise.all(this.workers.map((worker) => worker.kill()))
    for (const close of this.#closing) await close()
    this.admin.close()
    if (process.env['KEEP_STAGES'] === undefined) rmSync(this.folder, { recursive: true, force: true })
  }

  #defaults(metricsPort: number): Tree {
    return {
      kafka: { brokers: this.brokers },
      sources: {
        kafka: {
          topic: [this.topics.in],
          consumer_group: this.name,
          // The broker allows no less.
          session_timeout_ms: 6000,
          heartbeat_interval_ms: 500,
          commit_every: COMMIT_EVERY,
          commit_interval_ms: COMMIT_INTERVAL_MS,
        },
      },
      executor: { binary_path: this.program, max_executors: 8 },
      sinks: { kafka: { out: { topic: this.topics.out } } },
      metrics: { host: '127.0.0.1', port: metricsPort },
    }
  }
}

export const COMMIT_EVERY = 100
export const COMMIT_INTERVAL_MS = 200

function lastWords(worker: WorkerProcess): string {
  return `--- worker ${worker.workerId}, pid ${worker.pid}, ${worker.alive ? 'alive' : 'ended'}\n${worker.text.slice(-3000)}`
}

function endsTorn(text: string): boolean {
  return text !== '' && !text.endsWith('\n')
}

function merged(under: Tree, over: Tree): Tree {
  const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)
  const keys = new Set([...Object.keys(under), ...Object.keys(over)])
  return Object.fromEntries(
    [...keys].map((key) => {
      const [low, high] = [under[key], over[key]]
      return [key, isTree(low) && isTree(high) ? merged(low, high) : key in over ? high : low]
    }),
  )
}
