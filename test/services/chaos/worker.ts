import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const MAIN = join(ROOT, 'src', 'cli', 'main.ts')

/** One line of a worker's log. */
export interface LogLine {
  readonly event?: string
  readonly level?: string
  readonly [field: string]: unknown
}

export interface WorkerStart {
  readonly handler: string
  readonly configPath: string
  readonly workerId: string
  readonly folder: string
  readonly metricsPort: number
  readonly env: Readonly<Record<string, string>>
}

/** How a process ended. */
export interface Ended {
  readonly status: number | null
  readonly signal: string | null
  readonly at: number
}

const running = new Set<ChildProcess>()
// A test that is broken off must not leave workers behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A worker as a user starts it: a process of its own, watched from outside. */
export class WorkerProcess {
  readonly pid: number
  readonly workerId: string
  readonly ended: Promise<Ended>
  /** When SIGKILL was sent, milliseconds since the epoch. */
  killedAt: number | null = null
  readonly lines: LogLine[] = []
  readonly #child: ChildProcess
  readonly #metrics: string
  #text = ''
  #end: Ended | null = null

  constructor(start: WorkerStart) {
    const args = ['--conditions=drakkar-src', MAIN, 'run', start.handler, '-c', start.configPath]
    this.workerId = start.workerId
    this.#metrics = `http://127.0.0.1:${start.metricsPort}`
    this.#child = spawn(process.execPath, [...args, '--worker-id', start.workerId], {
      cwd: start.folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: start.folder, ...start.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(this.#child)
    this.pid = this.#child.pid ?? Number.NaN
    const log = join(start.folder, `worker-${this.pid}.log`)
    let rest = ''
    const take = (chunk: string): void => {
      appendFileSync(log, chunk)
      this.#text += chunk
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine)
    }
    this.#child.stdout?.setEncoding('utf8').on('data', take)
    this.#child.stderr?.setEncoding('utf8').on('data', take)
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (status, signal) => {
        running.delete(this.#child)
        this.#end = { status, signal, at: Date.now() }
        resolve(this.#end)
      })
    })
  }

  get alive(): boolean {
    return this.#end === null
  }

  /** Everything that it wrote. */
  get text(): string {
    return this.#text
  }

  says(event: string): LogLine | undefined {
    return this.lines.find((line) => line.event === event)
  }

  signal(name: 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name)
  }

  async kill(): Promise<Ended> {
    if (this.alive) {
      this.killedAt = Date.now()
      this.#child.kill('SIGKILL')
    }
    return this.ended
  }

  /** Why it is not ready; empty where it is, null where nobody answers. */
  async notReady(): Promise<readonly string[] | null> {
    const answer = await this.#get('/readyz')
    if (answer === null) return null
    const { ready, reasons } = JSON.parse(answer) as { ready: boolean; reasons: readonly string[] }
    return ready ? [] : reasons
  }

  /** The sum of a metric over its labels; null where nobody answers. */
  async metric(name: string, label = ''): Promise<number | null> {
    const samples = await this.samples(name, label)
    return samples === null ? null : samples.reduce((sum, value) => sum + value, 0)
  }

  /** A metric's values, one for each set of labels; null where nobody answers. */
  async samples(name: string, label = ''): Promise<readonly number[] | null> {
    const answer = await this.#get('/metrics')
    if (answer === null) return null
    return answer
      .split('\n')
      .filter((line) => (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) && line.includes(label))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
  }

  async #get(path: string): Promise<string | null> {
    try {
      const response = await fetch(this.#metrics + path, {
        headers: { accept: path === '/readyz' ? 'application/json' : '*/*', connection: 'close' },
        signal: AbortSignal.timeout(2000),
      })
      return await response.text()
    } catch {
      return null
    }
  }
}
