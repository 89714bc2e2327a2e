import type { Clock } from '../../../lib/index.ts'
import { baseEnvironment, type EnvironmentOptions } from '../environment.ts'
import type { Launchers } from '../launcher/launchers.ts'
import type { LaunchRequest } from '../launcher/link.ts'
import { type RunSettings, settingsList } from '../run-settings.ts'
import { PoolProcess, type PoolProcessEvents } from './pool-process.ts'
import { lookAtFiles, type ProgramFiles } from './program-file.ts'
import { Reception } from './reception.ts'
import type { PoolProtocol } from './requests.ts'

/** How the processes of a pool are started, and what they are. */
export interface ProcessMakerOptions extends EnvironmentOptions {
  readonly launchers: Launchers
  readonly clock: Clock
  readonly program: string
  readonly args: readonly string[]
  readonly protocol: PoolProtocol
  /** Longest line, or part of a frame, that a process may write, bytes. */
  readonly maxAnswerBytes: number
  /** Of its stderr, kept for the report of its end, bytes. */
  readonly maxStderrBytes: number
  /** From the start to the answer of the first ping, milliseconds; 0 = any. */
  readonly readyTimeoutMs: number
  /** Between SIGTERM and SIGKILL, milliseconds. */
  readonly graceMs: number
  /** Files whose change means an upgrade, besides the program. */
  readonly watch: readonly string[]
  /** Limits, niceness, umask and user of its processes. Default: the worker's. */
  readonly settings?: RunSettings
}

/** Makes the processes of one pool: each from the same program with the same settings, and with a connection of its own. */
export class ProcessMaker<T> {
  readonly #options: ProcessMakerOptions
  readonly #events: PoolProcessEvents<T>
  readonly #reception: Reception = new Reception()
  #request: LaunchRequest | null = null

  constructor(options: ProcessMakerOptions, events: PoolProcessEvents<T>) {
    this.#options = options
    this.#events = events
  }

  /** Before the first process. Twice is fine. Fails with LAUNCHER_FAILED where no socket can be made. */
  async open(): Promise<void> {
    if (this.#request !== null) return
    await this.#reception.open()
    const { launchers, program, args, graceMs, maxStderrBytes, settings } = this.#options
    this.#request = {
      program,
      args,
      template: launchers.registerEnv(baseEnvironment(this.#options)),
      env: [],
      cwd: '',
      stdin: null,
      timeoutMs: 0,
      graceMs,
      stdoutCap: 0,
      stderrCap: maxStderrBytes,
      capKills: false,
      ...(settings === undefined ? {} : { settings: settingsList(settings) }),
    }
  }

  /** The program as it is now; null where it cannot be found. */
  look(): Promise<ProgramFiles | null> {
    const { program, watch, env, parent } = this.#options
    return lookAtFiles({ program, path: env['PATH'] ?? parent['PATH'], cwd: '', watch })
  }

  /** Launches one. `files`: the program as it was just before. */
  make(files: ProgramFiles | null): PoolProcess<T> {
    const { launchers, protocol, maxAnswerBytes, readyTimeoutMs, clock } = this.#options
    const request = this.#request as LaunchRequest
    const reception = this.#reception
    return new PoolProcess<T>(
      { launchers, reception, request, protocol, maxAnswerBytes, readyTimeoutMs, clock, files },
      this.#events,
    )
  }

  /** When no process is left. */
  close(): Promise<void> {
    return this.#reception.close()
  }
}
