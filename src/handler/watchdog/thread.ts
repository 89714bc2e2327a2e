/**
 * The watchdog thread: sees that the main thread does not move, says in which hook, and ends the process when it never
 * moves again. It shares nothing with the main thread but the board, and waits for nothing that the main thread does.
 */
import { writeSync } from 'node:fs'
import { Session } from 'node:inspector'
import { parentPort, workerData } from 'node:worker_threads'
import { type Board, readBeat, readSeen, type Seen } from './shared.ts'
import { Stall, type StallLimits } from './stall.ts'

/** What `startWatchdog` hands over. */
export interface ThreadData {
  readonly board: Board
  readonly limits: StallLimits
  /** False: never end the process (a debugger is attached). */
  readonly ends: boolean
}

/** What the thread reports when the loop moves again. */
export interface Blocked {
  readonly hook: string
  readonly detail: string
  readonly seconds: number
}

const EXIT_CODE = 70
/** The main thread gets so long to exit by itself, or to tell where it is. */
const EXIT_MS = 2_000
const STACK_MS = 1_000

const { board, limits, ends } = workerData as ThreadData
const stall = new Stall(limits, readBeat(board))
let blockedIn: Seen | null = null
let last = performance.now()

setInterval(() => {
  const now = performance.now()
  const judgement = stall.look(readBeat(board), now - last)
  last = now
  if (judgement === 'warn') void warn()
  else if (judgement === 'stalled') end()
  else if (judgement === 'recovered') recovered()
}, limits.tickMs)

async function warn(): Promise<void> {
  const seen = readSeen(board)
  blockedIn = seen
  const seconds = stall.silentMs / 1000
  const where = await stackOfMain()
  const limit = ends ? `; the process ends when it lasts ${limits.stallMs / 1000} s` : ''
  say(
    `${inHook(seen)} has blocked the event loop for ${seconds.toFixed(1)} s${where === '' ? '' : `, at ${where}`}${limit}`,
  )
}

function end(): void {
  if (!ends) return
  const seen = readSeen(board)
  say(`${inHook(seen)} has blocked the event loop for ${(stall.silentMs / 1000).toFixed(1)} s: ending the process`)
  const kill = setTimeout(() => {
    say(`the main thread does not react (it waits in native code): killing the process with SIGKILL`)
    process.kill(process.pid, 'SIGKILL')
  }, EXIT_MS)
  try {
    // Runs inside of the blocked code, so that what listens to `exit` can still write out logs.
    const session = new Session()
    session.connectToMainThread()
    session.post('Runtime.evaluate', { expression: `process.exit(${EXIT_CODE})` })
  } catch (error) {
    clearTimeout(kill)
    say(`the main thread cannot be reached (${String(error)}): killing the process with SIGKILL`)
    process.kill(process.pid, 'SIGKILL')
  }
}

function recovered(): void {
  const seen = blockedIn ?? readSeen(board)
  const report: Blocked = {
    hook: seen.hook ?? 'event loop',
    detail: seen.subject,
    seconds: stall.silentMs / 1000,
  }
  stall.reset()
  blockedIn = null
  parentPort?.postMessage(report)
}

function inHook(seen: Seen): string {
  if (seen.hook !== null) return `hook ${seen.hook}${seen.subject === '' ? '' : ` (${seen.subject})`}`
  const last =
    seen.lastHook === null
      ? ''
      : ` (the last hook was ${seen.lastHook}${seen.subject === '' ? '' : `, ${seen.subject}`})`
  return `code outside of a hook's synchronous part${last}`
}

/** Function and line that the main thread runs; '' where it does not tell in time (native code). */
function stackOfMain(): Promise<string> {
  return new Promise((resolve) => {
    const session = new Session()
    const done = (where: string): void => {
      clearTimeout(timer)
      resolve(where)
      try {
        session.disconnect()
      } catch {
        // Never connected: there is nothing to end.
      }
    }
    const timer = setTimeout(() => done(''), STACK_MS)
    const urls = new Map<string, string>()
    session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url))
    session.on('Debugger.paused', ({ params }) => {
      const frames = params.callFrames.map(({ functionName, location }) => ({
        name: functionName === '' ? '(anonymous)' : functionName,
        url: urls.get(location.scriptId) ?? '',
        line: location.lineNumber + 1,
      }))
      const shown = frames.filter(({ url }) => url !== '' && !url.startsWith('node:')).slice(0, 3)
      session.post('Debugger.resume')
      session.post('Debugger.disable')
      done(shown.map(({ name, url, line }) => `${name} (${url}:${line})`).join(' < '))
    })
    try {
      session.connectToMainThread()
      session.post('Debugger.enable')
      session.post('Debugger.pause')
    } catch {
      done('')
    }
  })
}

/** One line on stderr, past the main thread, which cannot write. */
function say(text: string): void {
  const line = Buffer.from(`drakkar: ${text}\n`)
  for (let attempt = 0; attempt < 10; attempt += 1) {
    try {
      writeSync(2, line)
      return
    } catch (error) {
      // A full pipe may have room soon; any other failure means that nobody reads.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}
