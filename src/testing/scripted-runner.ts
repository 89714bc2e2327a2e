import type { CancelSignal, Runner } from '../flow/executor/index.ts'
import type { Clock } from '../lib/index.ts'
import type { Outcome, Task, Verdict } from '../model/index.ts'
import type { History, RecordAt } from './history.ts'

/** How one run of a program goes. */
export interface Run {
  /** How long it takes, milliseconds. Default 0. */
  readonly durationMs?: number
  /** Default `ok`. */
  readonly verdict?: Verdict
  /** Default 0 with `ok`, 1 with `exit`, else null. */
  readonly exitCode?: number
  readonly stdout?: string
  readonly stderr?: string
  /** With `launch-failed`: `ENOENT`, … */
  readonly errno?: string
}

export interface ScriptedRunnerOptions {
  readonly clock: Clock
  /** Decides how the run of a task goes. `run` counts the runs of this very task, from 1; a replay is another task. */
  readonly script: (task: Task, run: number) => Run
  /** Where every start and end is written down. Default: nowhere. */
  readonly history?: History
  /** Name of the worker in the history. Default ''. */
  readonly client?: string
  /** The assignment epoch of a task, for the history. Default: unknown. */
  readonly epochOf?: (task: Task) => number | null
}

/** A runner whose programs exist only in a script: how long they take and how they end. */
export class ScriptedRunner implements Runner {
  readonly #of: ScriptedRunnerOptions
  readonly #runs = new WeakMap<Task, number>()
  readonly #ending = new Set<() => void>()

  constructor(options: ScriptedRunnerOptions) {
    this.#of = options
  }

  /** Programs that run now. */
  get running(): number {
    return this.#ending.size
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  run(task: Task, signal: CancelSignal, started?: (pid?: number) => void): Promise<Outcome> {
    const number = (this.#runs.get(task) ?? 0) + 1
    this.#runs.set(task, number)
    const planned = this.#of.script(task, number)
    const startedAt = this.#of.clock.monotonic()
    this.#tell(task, number, null)
    if (planned.verdict !== 'launch-failed') started?.(1)
    return new Promise((resolve) => {
      const end = (run: Run): void => {
        timer.cancel()
        this.#ending.delete(cancel)
        signal.removeEventListener('abort', cancel)
        this.#tell(task, number, run.verdict ?? 'ok')
        resolve(outcomeOf(run, this.#of.clock.monotonic() - startedAt))
      }
      const cancel = (): void => end({ verdict: 'cancelled' })
      const timer = this.#of.clock.timer(planned.durationMs ?? 0, () => end(planned))
      this.#ending.add(cancel)
      if (signal.aborted) cancel()
      else signal.addEventListener('abort', cancel)
    })
  }

  stop(): Promise<void> {
    for (const cancel of this.#ending) cancel()
    return Promise.resolve()
  }

  #tell(task: Task, run: number, verdict: Verdict | null): void {
    const { history, client = '', epochOf } = this.#of
    if (history === undefined) return
    const messages = task.messages.map(placeOf)
    const about = { client, task: task.id, epoch: epochOf?.(task) ?? null, run, messages }
    history.add(verdict === null ? { type: 'run-started', ...about } : { type: 'run-ended', ...about, verdict })
  }
}

function placeOf(message: RecordAt): RecordAt {
  return { topic: message.topic, partition: message.partition, offset: message.offset }
}

function outcomeOf(run: Run, wallMs: number): Outcome {
  const verdict = run.verdict ?? 'ok'
  const code = verdict === 'ok' ? 0 : verdict === 'exit' ? 1 : null
  return {
    verdict,
    exitCode: run.exitCode ?? code,
    signal: verdict === 'signal' ? 'SIGKILL' : null,
    stdout: Buffer.from(run.stdout ?? ''),
    stderr: Buffer.from(run.stderr ?? ''),
    stdoutTruncated: false,
    stderrTruncated: false,
    pid: verdict === 'launch-failed' ? null : 1,
    wallMs,
    ...(run.errno === undefined ? {} : { errno: run.errno }),
  }
}
