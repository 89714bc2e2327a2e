import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Clock, type Deferred, deferred } from '../../../lib/index.ts'
import { DrakkarError, reasonOf } from '../../../model/index.ts'
import type { LauncherChoice, LauncherProgram } from './launcher-program.ts'

/** Variables that steer Node itself; meant for the worker, and a launcher must stay small. */
const STEERS_NODE = /^(NODE_OPTIONS|NODE_V8_COVERAGE|NODE_DEBUG|NODE_CHANNEL_.*|NODE_UNIQUE_ID)$/
/** A launcher that was told to end does so in milliseconds; after this it is killed. */
const END_MS = 5_000

/** The one process that the worker forks in its life. */
export class FirstLauncher {
  readonly #child: ChildProcess
  readonly #ready: Deferred<void> = deferred<void>()
  readonly #exit: Deferred<void> = deferred<void>()
  #wasReady = false

  constructor(socketPath: string, env: Readonly<Record<string, string | undefined>>, program: LauncherProgram) {
    // In a session of its own: a Ctrl-C at the terminal goes to the worker, which drains before it ends the launchers.
    this.#child = spawn(program.command, [...program.args, socketPath, '0'], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: Object.fromEntries(Object.entries(env).filter(([name]) => !STEERS_NODE.test(name))),
    })
    this.#ready.promise.catch(() => undefined)
    this.#child.once('error', (error) => {
      this.failed(`could not be started: ${error.message}`, error)
      this.#exit.resolve()
    })
    this.#child.once('exit', (code, signal) => {
      this.failed(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`)
      this.#exit.resolve()
    })
  }

  isReady(): void {
    this.#wasReady = true
    this.#ready.resolve()
  }

  failed(what: string, cause?: Error): void {
    this.#ready.reject(
      new DrakkarError('LAUNCHER_FAILED', `The first launcher ${what} before it was ready.`, {
        cause,
        advice:
          'What it wrote is above. Often: a limit on processes or memory, or a temporary folder that it cannot enter.',
      }),
    )
  }

  /** Fails with LAUNCHER_FAILED where it ends, or says nothing for `timeoutMs`. */
  async ready(clock: Clock, timeoutMs: number): Promise<void> {
    const timer = clock.timer(timeoutMs, () => this.failed(`said nothing for ${timeoutMs / 1000} s`))
    try {
      await this.#ready.promise
    } finally {
      timer.cancel()
    }
  }

  /** Resolves when its process is gone; kills it where it does not go. */
  async ended(clock: Clock): Promise<void> {
    const timer = clock.timer(END_MS, () => this.#child.kill('SIGKILL'))
    if (!this.#wasReady) this.#child.kill('SIGKILL')
    await this.#exit.promise
    timer.cancel()
  }
}

export interface FirstStart {
  readonly choice: LauncherChoice
  readonly socketPath: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly timeoutMs: number
  /** Told of each process that is tried, and why it is not a native one (null: it is). */
  begun(first: FirstLauncher, reason: string | null): void
}

/** Starts the first of the chosen programs that serves. Fails with LAUNCHER_FAILED where none does. */
export async function startFirst(start: FirstStart): Promise<void> {
  const { clock, socketPath } = start
  const left = [...start.choice.programs]
  let reason = start.choice.reason
  let copied: string | null = null
  for (;;) {
    const program = left.shift() as LauncherProgram
    const first = new FirstLauncher(socketPath, start.env, program)
    start.begun(first, program.kind === 'native' ? null : reason)
    try {
      await first.ready(clock, start.timeoutMs)
      return
    } catch (error) {
      await first.ended(clock)
      if (copied === null && program.kind === 'native' && mayNotBeExecuted(error)) {
        const copy = copyBesideSocket(program, socketPath)
        copied = copy.command
        left.unshift(copy)
      } else if (left.length === 0) {
        throw error
      }
      reason = reasonOf(error)
    } finally {
      // It runs from memory now, and starts the others from there.
      if (copied === program.command) rmSync(copied)
    }
  }
}

/** True where a program was not started because its file may not be executed: a mount with noexec, or a mode that was lost. */
function mayNotBeExecuted(error: unknown): boolean {
  const cause = error instanceof DrakkarError ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'EACCES'
}

function copyBesideSocket(program: LauncherProgram, socketPath: string): LauncherProgram {
  const command = join(dirname(socketPath), 'launcher')
  copyFileSync(program.command, command)
  chmodSync(command, 0o700)
  return { ...program, command }
}
