import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { confluentDriver } from '../../../src/flow/source/index.ts'
import type { RawMessage } from '../../../src/model/index.ts'
import { check, isRight, type Row, type Seen } from './check.ts'
import { type Cluster, embeddedCluster, realCluster } from './cluster.ts'
import { CommitReader } from './commits.ts'
import { countLines, makeLibrary } from './library.ts'
import { workerFigures } from './metrics.ts'
import type { Options } from './options.ts'
import { number } from './paint.ts'
import { Reader } from './reader.ts'
import { makeRequests, type Request } from './requests.ts'
import type { Screen } from './screen.ts'
import { summary } from './summary.ts'
import type { Tracker } from './tracker.ts'
import { COMMAND, WorkerProcess } from './worker.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
/** The requests go out in about this time, so that there is something to see. */
const PRODUCE_SECONDS = 8
const PORTION_MS = 100
const LOOK_MS = 200
const STILL_SECONDS = 45
const COMMITTED_SECONDS = 5
const STOP_MS = 40_000
const SAMPLE = 40

/** What ends the run early, said to the reader as it is. */
export class DemoError extends Error {}

/** One run of the demo: everything that it starts and makes ends with it. */
export class Demo {
  readonly #options: Options
  readonly #screen: Screen
  readonly #tracker: Tracker
  readonly #signal: AbortSignal
  readonly #undo: (() => Promise<unknown>)[] = []
  #failure: unknown

  constructor(options: Options, screen: Screen, tracker: Tracker, signal: AbortSignal) {
    this.#options = options
    this.#screen = screen
    this.#tracker = tracker
    this.#signal = signal
  }

  /** True where everything is as it should be. Rejects where it could not be run, or `signal` aborted. */
  async run(): Promise<boolean> {
    const { dim } = this.#screen.paint
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-demo-'))
    if (!this.#options.keep) this.#undo.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    await mkdir(join(folder, 'answers'))
    this.#screen.say(`  folder    ${folder}${this.#options.keep ? '' : dim('  (--keep keeps it)')}`)
    this.#tracker.doing = 'starting Kafka, gathering texts to search in'
    const [cluster, library] = await Promise.all([this.#cluster(), makeLibrary(join(folder, 'library'), ROOT)])
    const requests = makeRequests(this.#options.requests, library.words)
    this.#tracker.total = requests.length
    this.#screen.say(
      `  library   ${(library.bytes / 1e6).toFixed(0)} MB of text in ${number(library.files)} files`,
      `  kafka     ${cluster.name}`,
    )
    const place = await this.#topics(cluster, folder)
    const running = await this.#start(place)
    const producing = this.#produce(cluster, place.topics.requests, requests)
    producing.catch((error: unknown) => this.#fail(error))
    await this.#watch(running)
    return this.#judge({ ...running, requests, folder })
  }

  /** Undoes what the run did, the last first; also what is left after a failure. */
  async cleanUp(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) {
      // One that fails keeps none of the others.
      await undo().catch((error: unknown) => this.#screen.say(`  clean-up: ${String(error)}`))
    }
  }

  async #cluster(): Promise<Cluster> {
    const { brokers } = this.#options
    const cluster = brokers === undefined ? await embeddedCluster() : realCluster(brokers)
    this.#undo.push(() => cluster.stop())
    return cluster
  }

  async #topics(cluster: Cluster, folder: string): Promise<Place> {
    const name = cluster.name === cluster.brokers ? `drakkar-demo-${randomUUID().slice(0, 8)}` : 'search'
    const topics = { requests: `${name}-requests`, answers: `${name}-answers`, deadLetters: `${name}-requests_dlq` }
    await cluster.createTopics(Object.values(topics))
    if (!this.#options.keep) this.#undo.push(() => cluster.deleteTopics(Object.values(topics)))
    return { cluster, folder, topics, group: name }
  }

  async #start(place: Place): Promise<Running> {
    const { dim } = this.#screen.paint
    const reader = new Reader(place.cluster, Object.values(place.topics), `${place.group}-check`)
    const commits = new CommitReader(place.cluster, place.group)
    this.#undo.push(() => Promise.all([reader.close(), commits.close()]))
    await Promise.all([reader.start((error) => this.#fail(error)), commits.connect()])
    const worker = new WorkerProcess(place)
    this.#undo.push(() => worker.stop(5_000))
    this.#screen.say(`  worker    a process of its own, ${worker.pid}`, dim(`  $ ${COMMAND}`))
    return { place, reader, commits, worker }
  }

  async #produce(cluster: Cluster, topic: string, requests: readonly Request[]): Promise<void> {
    const producer = confluentDriver().producer(cluster.client, { lingerMs: 5, compression: 'lz4' })
    await producer.connect()
    try {
      const portion = Math.ceil((requests.length / PRODUCE_SECONDS / 1000) * PORTION_MS)
      for (let at = 0; at < requests.length && !this.#signal.aborted; at += portion) {
        const some = requests.slice(at, at + portion)
        await Promise.all(
          some.map(({ id, value }) => producer.send({ topic, key: Buffer.from(id), value, headers: [] })),
        )
        this.#tracker.produced += some.length
        await pause(PORTION_MS)
      }
    } finally {
      await producer.close()
    }
  }

  /** Resolves when every request has ended and is committed. */
  async #watch({ worker, reader, commits, place }: Running): Promise<void> {
    const tracker = this.#tracker
    for (;;) {
      if (this.#signal.aborted) throw new DemoError('interrupted')
      if (this.#failure !== undefined) throw this.#failure
      if (worker.end !== undefined)
        throw new DemoError(`the worker ended by itself: ${worker.end}\n${worker.lastWords}`)
      tracker.answers = reader.of(place.topics.answers).length
      tracker.dead = reader.of(place.topics.deadLetters).length
      if (worker.ready) {
        const ends = await reader.ends(place.topics.requests)
        const committed = await commits.read(place.topics.requests, [...ends.keys()])
        tracker.committed = [...committed.values()].reduce((sum, offset) => sum + offset, 0)
      }
      if (worker.metricsUrl !== undefined) tracker.worker = await workerFigures(worker.metricsUrl, tracker.worker)
      tracker.doing = doingNow(tracker, worker)
      tracker.step()
      if (Math.min(tracker.committed, tracker.done) >= tracker.total) return
      // What is committed and has no end will get none: the table says what is missing.
      const patience = tracker.committed >= tracker.total ? COMMITTED_SECONDS : STILL_SECONDS
      if (tracker.stillSeconds > patience) return
      await pause(LOOK_MS)
    }
  }

  /** Stops the worker, reads everything to its end, and compares. */
  async #judge({ worker, reader, commits, place, requests, folder }: Running & Judged): Promise<boolean> {
    const { topics } = place
    const tracker = this.#tracker
    const seconds = tracker.seconds
    tracker.doing = 'stopping the worker, reading everything again to its end'
    const status = await worker.stop(STOP_MS)
    await reader.caughtUp()
    const ends = await reader.ends(topics.requests)
    const sample = requests.filter(({ kind }) => kind === 'plain' || kind === 'absent').slice(0, SAMPLE)
    const answers = reader.of(topics.answers).map(seenRecord)
    const rows = check({
      requests,
      source: reader.of(topics.requests).map(seenRecord),
      answers,
      deadLetters: reader.of(topics.deadLetters).map(seenRecord),
      lines: await linesOf(join(folder, 'answers')),
      ends,
      committed: await commits.read(topics.requests, [...ends.keys()]),
      counted: await countLines(
        join(folder, 'library'),
        sample.map(({ find }) => find),
      ),
    })
    tracker.doing = `worker stopped: ${status}`
    this.#screen.stop('keep')
    this.#screen.say(...summary(rows, this.#screen.paint), '', ...this.#figures(rows, answers, seconds, status))
    return rows.every(isRight) && status === 'status 0'
  }

  #figures(rows: readonly Row[], answers: readonly Seen[], seconds: number, status: string): readonly string[] {
    const { dim } = this.#screen.paint
    const times = answers.map(({ text }) => (JSON.parse(text) as { ms: number }).ms).sort((a, b) => a - b)
    const at = (share: number): string => `${number(times[Math.floor((times.length - 1) * share)] ?? 0)} ms`
    return [
      ...(status === 'status 0' ? [] : [`  The worker ended with ${status}, and not with 0: see worker.log (--keep).`]),
      `  ${number(rows[0]?.found ?? 0)} messages in ${seconds.toFixed(1)} s.`,
      `  A search took ${at(0.5)} (median), ${at(0.99)} (1 in 100), ${at(1)} (the slowest).`,
      '  One answer of the topic:',
      dim(`  ${answers.at(-1)?.text ?? 'none'}`),
      ...(this.#options.keep ? ['  Kept in the folder named above: answers, library, worker.log'] : []),
      '',
    ]
  }

  #fail(error: unknown): void {
    this.#failure ??= error
  }
}

type Place = ConstructorParameters<typeof WorkerProcess>[0]

interface Running {
  readonly worker: WorkerProcess
  readonly reader: Reader
  readonly commits: CommitReader
  readonly place: Place
}

interface Judged {
  readonly requests: readonly Request[]
  readonly folder: string
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function doingNow(tracker: Tracker, worker: WorkerProcess): string {
  if (!worker.ready) return 'the worker starts'
  if (tracker.done === 0) return 'the worker joins: Kafka waits 3 s for others'
  if (tracker.done < tracker.total)
    return tracker.committed < tracker.total ? 'searching' : 'committed, and yet not all are done'
  return 'waiting for the last commit'
}

function seenRecord({ key, value }: RawMessage): Seen {
  return { id: key?.toString() ?? '(no key)', text: value?.toString() ?? '' }
}

/** All lines of all files, whatever wrote them; the notes of the sink are in a hidden folder. */
async function linesOf(folder: string): Promise<readonly Seen[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '')
  return lines.map((text) => ({ id: (JSON.parse(text) as { id: string }).id, text }))
}
