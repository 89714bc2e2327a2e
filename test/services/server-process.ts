import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const SCRIPTS = join(import.meta.dirname, '..', '..', 'scripts', 'services')
const call = promisify(execFile)

/** A real server that one test file owns. */
export interface ServerProcess extends AsyncDisposable {
  readonly port: number
  readonly dir: string
  /** Changes with a restart. */
  readonly pid: number
  /** Stops it, or finds it dead, and starts it again with the same data, port and options. */
  restart(): Promise<void>
  /** Ends it at once, without a word to its clients. */
  kill(): void
  /** Holds it as if the machine were stuck, and lets it go on. */
  freeze(): void
  thaw(): void
  /** Stops it and deletes its data. Safe to call twice. */
  stop(): Promise<void>
}

/** Starts a server with a script of scripts/services, in a new folder below `parent`. Ends with the test process. */
export async function startServer(
  script: string,
  verb: string,
  port: number,
  options: readonly string[] = [],
  parent = tmpdir(),
): Promise<ServerProcess> {
  const dir = await mkdtemp(join(parent, 'drakkar-server-'))
  const run = async (...args: readonly string[]): Promise<string> =>
    (await call(join(SCRIPTS, script), [...args])).stdout
  let pid = 0
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (pid !== 0) process.kill(pid, name)
    } catch {
      // Gone already.
    }
  }
  const atExit = (): void => {
    signal('SIGKILL')
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }
  process.on('exit', atExit)
  const stop = async (): Promise<void> => {
    await run('stop', dir)
    pid = 0
    process.removeListener('exit', atExit)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    pid = Number(await run(verb, dir, String(port), ...options))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    port,
    dir,
    get pid() {
      return pid
    },
    restart: async () => {
      pid = Number(await run('restart', dir))
    },
    kill: () => signal('SIGKILL'),
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Runs a script of scripts/services that starts nothing of its own. */
export async function runScript(script: string, ...args: readonly string[]): Promise<string> {
  return (await call(join(SCRIPTS, script), [...args])).stdout
}
