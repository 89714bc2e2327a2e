import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Cluster } from './cluster.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const HANDLER = 'examples/search/handler.ts'
const CONFIG = 'examples/search/drakkar.yaml'

/** What a user would type. */
export const COMMAND = `drakkar run ${HANDLER} -c ${CONFIG}`

export interface WorkerPlace {
  readonly cluster: Cluster
  readonly folder: string
  readonly topics: { readonly requests: string; readonly answers: string; readonly deadLetters: string }
  readonly group: string
}

/** The worker: a process of its own, as in production. Its log goes to `worker.log` in the folder. */
export class WorkerProcess {
  readonly #child: ChildProcess
  /** How it ended. */
  readonly ended: Promise<string>
  /** Undefined while it runs. */
  end: string | undefined
  /** Takes messages. */
  ready = false
  /** Where its metrics are, once it has said so. */
  metricsUrl: string | undefined
  readonly #lastLines: string[] = []

  constructor(place: WorkerPlace) {
    const log = createWriteStream(join(place.folder, 'worker.log'))
    const command = ['--conditions=drakkar-src', 'src/cli/main.ts', 'run', HANDLER, '-c', CONFIG]
    this.#child = spawn(process.execPath, command, {
      cwd: ROOT,
      env: environment(place),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let rest = ''
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      log.write(chunk)
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#heard(line)
    })
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message))
      this.#child.once('close', (code, signal) => {
        log.end(() => resolve(signal ?? `status ${code}`))
      })
    })
    void this.ended.then((how) => {
      this.end = how
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** The end of its log, for when something went wrong. */
  get lastWords(): string {
    return this.#lastLines.join('\n')
  }

  /** Asks it to stop and resolves when it has; after `limitMs` it is killed. */
  async stop(limitMs: number): Promise<string> {
    if (this.end !== undefined) return this.end
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), limitMs)
    const how = await this.ended
    clearTimeout(timer)
    return how
  }

  #heard(line: string): void {
    this.#lastLines.push(line)
    if (this.#lastLines.length > 8) this.#lastLines.shift()
    const event = eventOf(line)
    if (event['event'] === 'drakkar_ready') this.ready = true
    if (event['event'] === 'ops_listening') this.metricsUrl = `http://127.0.0.1:${String(event['port'])}/metrics`
  }
}

function eventOf(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>
  } catch {
    // Something else than the log wrote it.
    return {}
  }
}

/** The shell's environment without what configures other workers or comes from npm, and where this worker finds its things. */
function environment({ cluster, folder, topics, group }: WorkerPlace): Record<string, string | undefined> {
  const foreign = /^(drakkar_|dk_|npm_|worker_id$)/i
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name))),
    SEARCH_HOME: folder,
    WORKER_ID: 'demo',
    DRAKKAR_KAFKA__BROKERS: cluster.brokers,
    DRAKKAR_KAFKA__CLIENT_CONFIG: JSON.stringify({ ...cluster.client, 'bootstrap.servers': undefined }),
    DRAKKAR_SOURCES__KAFKA__TOPIC: topics.requests,
    DRAKKAR_SOURCES__KAFKA__CONSUMER_GROUP: group,
    DRAKKAR_SOURCES__KAFKA__SESSION_TIMEOUT_MS: String(cluster.group.sessionTimeoutMs),
    DRAKKAR_SOURCES__KAFKA__HEARTBEAT_INTERVAL_MS: String(cluster.group.heartbeatIntervalMs),
    DRAKKAR_SOURCES__KAFKA__MAX_POLL_INTERVAL_MS: String(cluster.group.maxPollIntervalMs),
    DRAKKAR_SINKS__KAFKA__ANSWERS__TOPIC: topics.answers,
    DRAKKAR_DLQ__OVERSIZE_DIR: join(folder, 'dead-letters'),
    DRAKKAR_EXECUTOR__MAX_EXECUTORS: String(Math.max(4, availableParallelism())),
    DRAKKAR_METRICS__PORT: '0',
  }
}
