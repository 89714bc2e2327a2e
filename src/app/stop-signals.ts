import { readFileSync } from 'node:fs'

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

export type StopSignal = (typeof STOP_SIGNALS)[number]

/** Conventional exit status of a process that a signal ended. */
export const SIGNAL_STATUS: Readonly<Record<StopSignal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

/**
 * Calls `stop` at the first signal and `force` at each later one. A worker that `npm` or `npx` started is stopped too
 * when they have gone: they do not pass SIGTERM on, and would leave it behind. Returns how to stop listening.
 */
export function onStopSignal(stop: (reason: string) => void, force: (signal: StopSignal) => void): () => void {
  let stopping = false
  const handlers = STOP_SIGNALS.map((signal) => {
    const handle = (): void => {
      if (stopping) force(signal)
      else {
        stopping = true
        stop(signal)
      }
    }
    process.on(signal, handle)
    return () => void process.off(signal, handle)
  })
  const orphaned = watchForNpm(() => {
    if (stopping) return
    stopping = true
    stop('npm, which started this worker, is gone')
  })
  return () => {
    for (const remove of handlers) remove()
    orphaned()
  }
}

/** Looks once a second whether the processes between npm and this one are still the same. */
function watchForNpm(gone: () => void): () => void {
  if (process.env['npm_execpath'] === undefined && process.env['npm_command'] === undefined) return () => undefined
  const started = ancestry()
  const timer = setInterval(() => {
    if (ancestry() === started) return
    clearInterval(timer)
    gone()
  }, 1000)
  timer.unref()
  return () => clearInterval(timer)
}

/** Parent and grandparent: npm starts its script through a shell, which stays behind when npm goes. */
function ancestry(): string {
  return `${process.ppid} ${parentOf(process.ppid)}`
}

function parentOf(pid: number): string {
  try {
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')[1] ?? ''
    )
  } catch {
    return ''
  }
}
