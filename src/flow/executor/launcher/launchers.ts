import { availableParallelism } from 'node:os'
import type { Clock, Timer } from '../../../lib/index.ts'
import { type Announce, DrakkarError } from '../../../model/index.ts'
import { type FirstLauncher, startFirst } from './first-launcher.ts'
import { PROTOCOL_VERSION } from './frames.ts'
import { chooseLauncher, type LauncherKind } from './launcher-program.ts'
import { LauncherLink, type LaunchListener, type LaunchRequest, type LinkEvents } from './link.ts'
import { endMarked } from './marks.ts'
import { openRendezvous, type Rendezvous } from './rendezvous.ts'

export interface LaunchersOptions {
  /** How many launchers. Default: one per core, at most 4. */
  readonly count?: number
  /** The worker's environment; launchers get it without what steers Node itself. Tasks get theirs by template. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly announce: Announce
  /** The first launcher died: nothing can be restarted any more, the worker has to end. Told once. */
  readonly failed: (error: DrakkarError) => void
  /** For the first launcher to report ready, milliseconds. Default 10,000. */
  readonly startTimeoutMs?: number
  /**
   * Which launchers. `auto`: the native ones where they run, else the Node ones. Default: the variable
   * `DRAKKAR_LAUNCHER` of `env`, else `auto`.
   */
  readonly kind?: LauncherKind | 'auto'
  /** A script that Node runs as launcher instead of those of this package. */
  readonly program?: string
  /** A list of native launchers (`launchers.json`). Default: this package's. */
  readonly nativeLaunchers?: string
}

/** Processes that start programs for this one, so that it never has to fork itself. */
export interface Launchers {
  /** Launchers that are ready now. */
  readonly readyCount: number
  /** Of all of them: `native` or `node`. */
  readonly kind: string
  /** Lets there be so many launchers, at most 255; never fewer than there are. Default: one per core, at most 4. */
  grow(count?: number): void
  /** Tells an environment once; its id goes into every request that uses it. */
  registerEnv(env: Readonly<Record<string, string>>): number
  /** Runs a program on the least busy launcher. The returned function ends it: SIGTERM, grace, SIGKILL. */
  launch(request: LaunchRequest, listener: LaunchListener): () => void
  /** Ends all launchers and what they run; removes the socket. Twice is fine. */
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 10_000
const RESPAWN_MS = 100
const RESPAWN_MAX_MS = 5_000

/**
 * Starts the first launcher (the one process that the worker ever forks) and lets it start the others. Resolves when
 * the first is ready; the others join as they come. Fails with LAUNCHER_FAILED.
 */
export async function startLaunchers(options: LaunchersOptions): Promise<Launchers> {
  const hub = new Hub(options)
  await hub.start(options)
  return hub
}

class Hub implements Launchers, LinkEvents {
  #count: number
  readonly #clock: Clock
  readonly #announce: Announce
  readonly #failed: (error: DrakkarError) => void
  readonly #links: (LauncherLink | null)[]
  readonly #respawns: Map<number, { attempts: number; timer: Timer | null }> = new Map()
  readonly #templates: Map<number, readonly (readonly [string, string])[]> = new Map()
  #rendezvous: Rendezvous | null = null
  #first: FirstLauncher | null = null
  /** Why the launchers are not the native ones. */
  #reason: string | null = null
  #kind = ''
  #nextId = 1
  #stopping: Promise<void> | null = null

  constructor(options: LaunchersOptions) {
    this.#count = countOf(options.count)
    this.#clock = options.clock
    this.#announce = options.announce
    this.#failed = options.failed
    this.#links = Array.from({ length: this.#count }, () => null)
  }

  get readyCount(): number {
    return this.#links.filter((link) => link !== null).length
  }

  get kind(): string {
    return this.#kind
  }

  async start(options: LaunchersOptions): Promise<void> {
    try {
      this.#rendezvous = await openRendezvous((socket) => new LauncherLink(socket, this))
      await startFirst({
        choice: chooseLauncher(options.kind ?? options.env['DRAKKAR_LAUNCHER'], options),
        socketPath: this.#rendezvous.path,
        env: options.env,
        clock: this.#clock,
        timeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
        begun: (first, reason) => {
          this.#first = first
          this.#reason = reason
        },
      })
    } catch (error) {
      await this.stop()
      throw error
    }
    for (let index = 1; index < this.#count; index += 1) this.#spawn(index)
  }

  grow(count?: number): void {
    const wanted = countOf(count)
    while (this.#count < wanted) {
      this.#links.push(null)
      this.#count += 1
      this.#spawn(this.#count - 1)
    }
  }

  registerEnv(env: Readonly<Record<string, string>>): number {
    const template = this.#templates.size + 1
    this.#templates.set(template, Object.entries(env))
    return template
  }

  launch(request: LaunchRequest, listener: LaunchListener): () => void {
    const link = this.#leastBusy()
    if (link === null) {
      queueMicrotask(() => listener.ended({ kind: 'none' }))
      return () => undefined
    }
    const entries = this.#templates.get(request.template)
    if (entries !== undefined && !link.knowsEnv(request.template)) link.sendEnv(request.template, entries)
    const id = this.#nextId
    this.#nextId = (id % 0xffff_fffe) + 1
    link.launch(id, request, listener)
    return () => link.kill(id, false)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  linkReady(link: LauncherLink): void {
    const { index } = link
    const wanted = this.#stopping === null && index < this.#count && this.#links[index] === null
    if (!wanted) return link.destroy()
    if (link.version !== PROTOCOL_VERSION) {
      if (index === 0) this.#first?.failed(`speaks protocol ${link.version}, this worker ${PROTOCOL_VERSION}`)
      return link.destroy()
    }
    this.#links[index] = link
    this.#kind = link.kind
    this.#respawns.delete(index)
    const reason = index > 0 || this.#reason === null ? {} : { reason: this.#reason }
    this.#announce({ type: 'launcher_started', index, kind: link.kind, pid: link.pid, ...reason })
    if (index === 0) this.#first?.isReady()
  }

  launcherEnded(index: number): void {
    if (this.#links[index] === null) this.#respawn(index)
  }

  linkClosed(link: LauncherLink, reason: string | null): void {
    const { index } = link
    if (this.#links[index] !== link) return
    this.#links[index] = null
    const abandoned = link.abandon()
    for (const pid of abandoned.pids) killGroup(pid)
    // Not at a stop: launchers that end by themselves leave nothing.
    if (this.#stopping === null && index >= 0) {
      endMarked({ kind: link.kind, pid: link.pid, socketPath: this.#rendezvous?.path ?? '' })
    }
    if (this.#stopping === null) {
      this.#announce({ type: 'launcher_lost', index, tasks: abandoned.tasks })
      if (index === 0) this.#failed(firstLost(link.pid, reason))
      else this.#respawn(index)
    }
    abandoned.end()
  }

  #leastBusy(): LauncherLink | null {
    let best: LauncherLink | null = null
    for (const link of this.#links) {
      if (link !== null && (best === null || link.running < best.running)) best = link
    }
    return best
  }

  #spawn(index: number): void {
    this.#links[0]?.send({ type: 'spawnLauncher', index })
  }

  /** Both the connection and the first launcher tell of a death; one wait serves both. */
  #respawn(index: number): void {
    if (this.#stopping !== null || this.#links[0] === null || index < 1 || index >= this.#count) return
    const respawn = this.#respawns.get(index) ?? { attempts: 0, timer: null }
    this.#respawns.set(index, respawn)
    if (respawn.timer !== null) return
    const delay = Math.min(RESPAWN_MAX_MS, RESPAWN_MS * 2 ** respawn.attempts)
    respawn.attempts = Math.min(respawn.attempts + 1, 10)
    respawn.timer = this.#clock.timer(delay, () => {
      respawn.timer = null
      if (this.#stopping === null && this.#links[index] === null) this.#spawn(index)
    })
  }

  async #stop(): Promise<void> {
    for (const respawn of this.#respawns.values()) respawn.timer?.cancel()
    const links = this.#links.filter((link) => link !== null)
    // The first one last: it is the parent of the others and takes their exit.
    for (const link of links.toReversed()) link.send({ type: 'shutdown' })
    await this.#first?.ended(this.#clock)
    for (const link of links) link.destroy()
    await this.#rendezvous?.close()
  }
}

function countOf(wanted: number | undefined): number {
  return Math.min(255, Math.max(1, wanted ?? Math.min(availableParallelism(), 4)))
}

/** Only the worker knows what a killed launcher had started. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Ended by itself.
  }
}

function firstLost(pid: number, reason: string | null): DrakkarError {
  const why = reason === null ? '' : ` (${reason})`
  return new DrakkarError('LAUNCHER_LOST', `The first launcher (pid ${pid}) died${why}.`, {
    advice:
      'Programs cannot be started any more, so the worker ends; what was running is not committed and runs again after a restart. ' +
      'Look for a SIGKILL: often the kernel out of memory (dmesg) or a limit of the container.',
  })
}
