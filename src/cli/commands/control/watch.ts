import { systemClock as clock, sleep, unlessAborted } from '../../../lib/index.ts'
import { reasonOf, spoken } from '../../../model/index.ts'
import { probeSocket, type WorkerStatus } from '../../../ops/control/index.ts'
import type { CommandIo } from '../../command-line.ts'
import { interruption } from '../interruption.ts'
import { frame } from './frame.ts'
import { type Paced, paced } from './pace.ts'
import { statusText } from './show.ts'
import { Terminal, type TerminalStream } from './terminal.ts'
import { type Reached, statusAt } from './worker.ts'

export interface WatchOptions {
  /** Between two looks, milliseconds. */
  readonly everyMs: number
  /** One JSON object a line for each look, instead of text. */
  readonly json: boolean
}

/** Where the looks go: a terminal that is drawn over and over, or a stream to which each one is appended. */
interface Shower {
  show(look: Paced): void
  /** It does not answer, but has not ended. */
  silent(forMs: number, why: string): void
  /** `last`: what is said on its own line at the very end. */
  end(last: string | null): void
}

/** Looks again and again until Ctrl-C, or until the worker has ended, which is said. Answers the exit status. */
export async function watch(first: Reached, { everyMs, json }: WatchOptions, io: CommandIo): Promise<number> {
  const stop = interruption()
  const { signal } = stop
  const gone = new AbortController()
  // Whoever read this has gone.
  io.stdout.once('error', () => gone.abort())
  const until = AbortSignal.any([signal, gone.signal])
  const shower = json ? lines(io) : io.stdout.isTTY === true ? onTerminal(io, everyMs) : appended(io)
  let ended: string | null = null
  try {
    ended = await looks(first, everyMs, until, shower)
  } finally {
    shower.end(ended)
    stop.remove()
  }
  return 0
}

/** Answers how the worker ended; null where nobody wants to know any more. */
async function looks(
  { path, status }: Reached,
  everyMs: number,
  signal: AbortSignal,
  shower: Shower,
): Promise<string | null> {
  let last = status
  let heardAt = clock.monotonic()
  shower.show(paced(null, status))
  for (;;) {
    await sleep(clock, everyMs, signal)
    if (signal.aborted) return null
    try {
      const now = await unlessAborted(statusAt(path), signal)
      if (now.pid !== last.pid) return `${ending(last)}; now ${named(now)} answers there`
      shower.show(paced(last, now))
      last = now
      heardAt = clock.monotonic()
    } catch (error) {
      if (signal.aborted) return null
      if ((await probeSocket(path)) !== 'live') return ending(last)
      shower.silent(clock.monotonic() - heardAt, reasonOf(error))
    }
  }
}

const named = ({ view, pid }: WorkerStatus): string => `${view.workerId} (pid ${pid})`
const ending = (last: WorkerStatus): string =>
  `drakkar: ${named(last)} has ended at ${time()}, after ${spoken(last.uptimeMs)}; its log says why`
const time = (): string => new Date().toTimeString().slice(0, 8)

function onTerminal(io: CommandIo, everyMs: number): Shower {
  const colour = !io.env['NO_COLOR']
  let look: Paced | null = null
  let below = ''
  const terminal: Terminal = new Terminal(io.stdout as TerminalStream, () => {
    if (look === null) return []
    const { columns, rows } = terminal.size
    const { status, ...trend } = look
    return frame(status, { colour, columns, ...trend }, rows, below)
  })
  return {
    show(next) {
      const before = look
      look = next
      below = `${time()} · every ${everyMs / 1000} s · Ctrl-C ends`
      if (before === null) terminal.enter()
      else terminal.paint()
    },
    silent(forMs) {
      below = `${time()} · NO ANSWER for ${spoken(forMs)}: its event loop is blocked, or it is stopped · Ctrl-C ends`
      terminal.paint()
    },
    end(last) {
      terminal.leave()
      if (look === null || last === null) return
      // What was seen last stays for whoever comes back to this terminal.
      const { columns } = terminal.size
      io.stdout.write(`${statusText(look.status, { colour, columns })}\n${last}\n`)
    },
  }
}

/** No tricks: each look below the one before, with its time. */
function appended(io: CommandIo): Shower {
  return {
    show({ status, ...trend }) {
      const text = statusText(status, { colour: false, columns: 100, ...trend })
      io.stdout.write(`── ${new Date().toISOString()}\n${text}\n`)
    },
    silent(forMs, why) {
      io.stdout.write(`── ${new Date().toISOString()}\nno answer for ${spoken(forMs)}: ${why}\n\n`)
    },
    end(last) {
      if (last !== null) io.stdout.write(`${last}\n`)
    },
  }
}

function lines(io: CommandIo): Shower {
  return {
    show: ({ status }) => void io.stdout.write(`${JSON.stringify(status)}\n`),
    silent: (forMs, why) => void io.stderr.write(`drakkar: no answer for ${spoken(forMs)}: ${why}\n`),
    end(last) {
      if (last !== null) io.stderr.write(`${last}\n`)
    },
  }
}
