import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

const PROGRAM = join(import.meta.dirname, '..', 'programs', 'collector.mjs')

/** A request that the collector kept; bytes of the body as latin1. */
export interface Kept {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Received {
  /** By idempotency key. */
  readonly kept: Readonly<Record<string, Kept>>
  /** Requests with a key that it had already. */
  readonly repeats: number
  /** All, in the order of their ends, with their time, milliseconds. */
  readonly requests: readonly { readonly url: string; readonly at: number }[]
  /** Most requests at the same time. */
  readonly most: number
}

/** An HTTP service in a process of its own that honours idempotency keys; what paths do is said in the program. */
export class Collector implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  /**
   * `port`: default a free one, where it can be started again. `tls`: files of key, certificate, and (for certificates of clients) authority. `file`: where it keeps
   * what it got, so that another one with the same file goes on.
   */
  static async start(port?: number, tls: readonly string[] = [], file?: string): Promise<Collector> {
    const at = port ?? (await freePort())
    // It ends when its stdin does, so also when this process is killed.
    const child = spawn(process.execPath, [PROGRAM, String(at), ...tls], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'] ?? '', ...(file === undefined ? {} : { COLLECTOR_FILE: file }) },
    })
    const [first] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
    return new Collector(child, Number(first.toString()))
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async received(): Promise<Received> {
    const answer = await fetch(`${this.url}/received`, { headers: { connection: 'close' } })
    return (await answer.json()) as Received
  }

  /** Ends it at once, with what it kept. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
