import type { Socket } from 'node:net'
import { baseEnvironment } from '../environment.ts'
import type { Launchers } from '../launcher/launchers.ts'
import type { LaunchReport } from '../launcher/link.ts'
import { outcomeOf } from '../verdict.ts'
import type { Answer } from './answer.ts'
import { Conversation } from './conversation.ts'
import { Reception } from './reception.ts'
import type { PoolProtocol, Work } from './requests.ts'
import { Violation } from './rules.ts'

export interface ProbeOptions {
  readonly launchers: Launchers
  readonly env: Readonly<Record<string, string | undefined>>
  readonly program: string
  readonly args: readonly string[]
  readonly protocol: PoolProtocol
  readonly maxAnswerBytes: number
  /** Between SIGTERM and SIGKILL, milliseconds. */
  readonly graceMs: number
}

/** What a process under examination did last. */
export type Heard =
  | { readonly kind: 'pong'; readonly cancel: boolean }
  | { readonly kind: 'answer'; readonly task: string; readonly answer: Extract<Answer, { kind: 'ok' | 'fail' }> }
  | { readonly kind: 'sign'; readonly task: string }
  | { readonly kind: 'violation'; readonly violation: Violation }
  | { readonly kind: 'ended'; readonly says: string; readonly code: number | null; readonly signal: string | null }

/** Lines of a conversation that are remembered; more than all checks together cause. */
const REMEMBERED = 10_000

const LINE = 110

/** Text that moves no cursor, on one line. */
function plain(text: string): string {
  const cut = text.length > LINE ? `${text.slice(0, LINE)}… (${text.length} characters)` : text
  return cut.replace(/[\p{Cc}\uFFFD]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function linesOf(chunk: Buffer): string[] {
  const lines = chunk.toString('utf8').split('\n')
  if (lines.at(-1) === '') lines.pop()
  else lines.push('(no newline yet)')
  return lines.slice(0, 20).map(plain)
}

/** One persistent process that is examined: asked by hand, over the same connection and launcher as in a pool. */
export class Probe {
  /** What was sent and received, oldest first. */
  readonly transcript: string[] = []
  readonly #options: ProbeOptions
  readonly #conversation: Conversation<string>
  readonly #reception: Reception = new Reception()
  readonly #heard: Heard[] = []
  #wake: (() => void) | null = null
  #socket: Socket | null = null
  #kill: () => void = () => undefined
  #ended = false

  private constructor(options: ProbeOptions) {
    this.#options = options
    this.#conversation = new Conversation<string>(options.protocol, options.maxAnswerBytes, {
      pong: (cancel) => this.#note({ kind: 'pong', cancel }),
      answered: (task, answer) => this.#note({ kind: 'answer', task, answer }),
      partial: (task) => this.#note({ kind: 'sign', task }),
      progress: (task) => this.#note({ kind: 'sign', task }),
    })
  }

  /** Starts the program; what becomes of that is the first thing that `hear` tells. */
  static async start(options: ProbeOptions): Promise<Probe> {
    const probe = new Probe(options)
    await probe.#start()
    return probe
  }

  ping(): void {
    this.#conversation.ping()
    this.#write('ping')
  }

  /** `pieces`: the request goes out in so many, with a pause after each. Answers its number. */
  async task(work: Work, pieces = 1): Promise<number> {
    const id = this.#conversation.task(work.id, work)
    if (pieces === 1) this.#write(`task ${id}`)
    else await this.#writeInPieces(`task ${id}, in ${pieces} pieces`, pieces)
    return id
  }

  cancel(id: number): void {
    this.#conversation.cancel(id)
    this.#write(`cancel ${id}`)
  }

  /** Says bye and ends its input. */
  bye(): void {
    this.#conversation.bye()
    this.#write('bye')
    this.endInput()
  }

  endInput(): void {
    this.#remember('sent', '(end of its stdin)')
    this.#socket?.end()
  }

  /** SIGTERM, then SIGKILL after the grace. */
  terminate(): void {
    this.#remember('sent', '(SIGTERM)')
    this.#kill()
  }

  /** What it does next; null where it does nothing for `ms`. */
  async hear(ms: number): Promise<Heard | null> {
    if (this.#heard.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = null
    }
    return this.#heard.shift() ?? null
  }

  /** Ends it, however it is. */
  async stop(): Promise<void> {
    if (!this.#ended) this.#kill()
    while (!this.#ended) await this.hear(this.#options.graceMs + 1_000)
    await this.#reception.close()
  }

  async #start(): Promise<void> {
    await this.#reception.open()
    const { launchers, env, program, args, graceMs } = this.#options
    const { dial } = this.#reception.expect((socket) => this.#connected(socket))
    const template = launchers.registerEnv(baseEnvironment({ parent: env, inheritParent: true, deny: [], env: {} }))
    const request = { program, args, template, env: [], cwd: '', stdin: null, timeoutMs: 0, graceMs, dial }
    this.#kill = launchers.launch(
      { ...request, stdoutCap: 0, stderrCap: 4096, capKills: false },
      { started: () => undefined, ended: (report) => this.#reported(report) },
    )
  }

  #connected(socket: Socket): void {
    this.#socket = socket
    socket.on('data', (chunk) => {
      for (const line of linesOf(chunk)) this.#remember('got', line)
      this.#listen(() => this.#conversation.receive(chunk))
    })
    socket.on('error', () => undefined)
    socket.on('close', () => this.#listen(() => this.#conversation.end()))
    socket.resume()
    this.ping()
  }

  #listen(listen: () => void): void {
    try {
      listen()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      // Nothing after it can be understood.
      this.#socket?.removeAllListeners('data').removeAllListeners('close').resume()
      this.#note({ kind: 'violation', violation: error })
    }
  }

  #reported(report: LaunchReport): void {
    const { program } = this.#options
    const { exitCode, signal, message, verdict, stderr } = outcomeOf(report, {
      program,
      cwd: '',
      timeoutMs: 0,
      stdoutCap: 0,
    })
    const words = stderr.toString('utf8').trim()
    if (words !== '') for (const line of words.split('\n').slice(-5)) this.#remember('stderr', plain(line))
    const how = signal === null ? `with exit code ${exitCode ?? 'unknown'}` : `by ${signal}`
    const says = verdict === 'launch-failed' ? (message ?? 'it could not be started') : `it ended ${how}`
    this.#remember('got', `(${says})`)
    const tell = (): void => {
      this.#ended = true
      this.#note({ kind: 'ended', says, code: exitCode, signal })
    }
    // What it said before is told before.
    if (this.#socket === null || this.#socket.closed) tell()
    else {
      this.#socket.once('close', tell)
      setTimeout(() => this.#socket?.destroy(), 200).unref()
    }
  }

  #write(what: string): void {
    const out = this.#conversation.take()
    if (out === null) return
    this.#remember('sent', this.#options.protocol === 'json' ? plain(String(out.bytes).trimEnd()) : what)
    if (this.#socket?.writable) this.#socket.write(out.bytes, out.sent)
  }

  async #writeInPieces(what: string, pieces: number): Promise<void> {
    const out = this.#conversation.take()
    if (out === null) return
    this.#remember('sent', what)
    const bytes = Buffer.from(out.bytes)
    const size = Math.ceil(bytes.length / pieces)
    for (let at = 0; at < bytes.length; at += size) {
      if (this.#socket?.writable) this.#socket.write(bytes.subarray(at, at + size))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  #note(heard: Heard): void {
    this.#heard.push(heard)
    this.#wake?.()
  }

  #remember(way: string, what: string): void {
    if (this.transcript.length < REMEMBERED) this.transcript.push(`${way.padEnd(6)} ${what}`)
  }
}
