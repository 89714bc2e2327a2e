import { url as inspectorUrl } from 'node:inspector'
import { Worker } from 'node:worker_threads'
import type { Place } from '../place.ts'
import { BoardWriter, createBoard } from './shared.ts'
import type { Blocked, ThreadData } from './thread.ts'

export interface WatchdogOptions {
  /** The event loop has not moved for so long: one line on stderr says so. Default 5. */
  readonly warnSeconds?: number
  /** For so long: the process ends with exit code 70, or with SIGKILL where it waits in native code. Default 60. */
  readonly stallSeconds?: number
  /** Told when the loop moves again after a warning. `hook` is `event loop` where no hook was running. */
  readonly onBlocked: (blocked: Blocked) => void
  /** Told the longest delay of the event loop, seconds, in each quarter of a second. */
  readonly onLag?: (seconds: number) => void
  /** Told when the watchdog itself broke: from then on nobody watches. */
  readonly onError: (error: unknown) => void
}

/** Watches that user code does not block the event loop. */
export interface Watchdog {
  /** User code begins to run synchronously; under 100 ns. */
  enter(place: Place): void
  /** It has returned. */
  leave(): void
  /** Ends the watch. Safe to call twice. */
  stop(): Promise<void>
}

const BEAT_MS = 20
const BEATS_PER_LAG = 12

/**
 * Starts the watchdog thread. It works in real time: what it measures is the machine, so it is not for virtual clocks.
 * While a debugger is attached at the start it warns only.
 */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  const board = createBoard()
  const writer = new BoardWriter(board)
  const warnMs = (options.warnSeconds ?? 5) * 1000
  const limits = {
    warnMs,
    stallMs: (options.stallSeconds ?? 60) * 1000,
    tickMs: Math.min(250, Math.max(5, warnMs / 10)),
  }
  const data: ThreadData = { board, limits, ends: inspectorUrl() === undefined }
  const thread = new Worker(new URL(import.meta.resolve('#watchdog-thread')), {
    name: 'drakkar-watchdog',
    workerData: data,
    // The thread needs nothing of the user's: no loaders, no variables.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 32 },
  })
  thread.on('message', options.onBlocked)
  thread.on('error', options.onError)
  // Last: a listener takes hold of the process again.
  thread.unref()
  const beats = startBeats(writer, options.onLag)
  return {
    enter: (place) => enter(writer, place),
    leave: () => writer.leave(),
    async stop() {
      clearInterval(beats)
      await thread.terminate()
    },
  }
}

function startBeats(writer: BoardWriter, onLag: WatchdogOptions['onLag']): NodeJS.Timeout {
  let before = performance.now()
  let longest = 0
  let beats = 0
  // One's own short interval: `monitorEventLoopDelay` forgets a delay that begins right after it was reset.
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - before - BEAT_MS)
    before = now
    writer.beat()
    beats += 1
    if (beats < BEATS_PER_LAG) return
    onLag?.(longest / 1000)
    beats = 0
    longest = 0
  }, BEAT_MS)
  return timer.unref()
}

function enter(writer: BoardWriter, { hook, subject }: Place): void {
  if ('name' in subject) {
    writer.enter(hook, subject.name, -1, -1, 1)
    return
  }
  if ('partitions' in subject) {
    const first = subject.partitions[0]
    writer.enter(hook, first?.topic ?? '', first?.partition ?? -1, -1, subject.partitions.length)
    return
  }
  const messages = 'task' in subject ? subject.task.messages : subject.messages
  const first = messages[0]
  writer.enter(hook, first?.topic ?? '', first?.partition ?? -1, first?.offset ?? -1, messages.length)
}
