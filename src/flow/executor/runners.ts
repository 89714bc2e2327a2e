import type { KeptView, Outcome, RunnerName, Task } from '../../model/index.ts'
import type { CancelSignal } from './cancellation.ts'
import type { Runner } from './runner.ts'
import { refusedOutcome } from './verdict.ts'

export interface RunnersOptions {
  /** The runners that there are. What is left out is not configured; a task that asks for it fails with what to do. */
  readonly runners: Readonly<Partial<Record<RunnerName, Runner>>>
  /** The runner of tasks that name none. */
  readonly fallback: RunnerName
  /** Program of tasks that name none, for runners that do not say themselves what they launch. */
  readonly defaultBinary: string | null
}

/** Later ones may run on what earlier ones own: they start after them and stop before them. */
const ORDER: readonly RunnerName[] = ['exec', 'pool', 'function']

const MISSING: Readonly<Record<RunnerName, string>> = {
  exec: 'this worker starts no programs.',
  pool: 'set executor.pool.binary_path, or let the task use another runner.',
  function: 'give the handler a `run` hook, or set executor.function.file, or let the task use another runner.',
}

/** One runner that gives each task to the one that it names. */
export class Runners implements Runner {
  readonly #options: RunnersOptions
  readonly #fallback: Runner | undefined

  constructor(options: RunnersOptions) {
    this.#options = options
    this.#fallback = options.runners[options.fallback]
  }

  async start(): Promise<void> {
    for (const name of ORDER) await this.#options.runners[name]?.start()
  }

  run(task: Task, signal: CancelSignal, started?: (pid?: number) => void): Promise<Outcome> {
    const runner = this.#of(task)
    if (runner !== undefined) return runner.run(task, signal, started)
    const name = task.runner ?? this.#options.fallback
    const message = `Task ${task.id} asks for the runner \`${name}\`, which is not configured: ${MISSING[name]}`
    return Promise.resolve(refusedOutcome('EINVAL', 'arguments', message))
  }

  programOf(task: Task): string | null {
    const runner = this.#of(task)
    if (runner === undefined) return null
    return runner.programOf === undefined ? (task.binary ?? this.#options.defaultBinary ?? '') : runner.programOf(task)
  }

  setSlots(slots: number): void {
    for (const name of ORDER) this.#options.runners[name]?.setSlots?.(slots)
  }

  kept(): readonly KeptView[] {
    return ORDER.flatMap((name) => this.#options.runners[name]?.kept?.() ?? [])
  }

  /** Each is stopped, whatever another one says: half a stop would leave processes behind. */
  async stop(): Promise<void> {
    const problems: unknown[] = []
    for (const name of ORDER.toReversed()) {
      await this.#options.runners[name]?.stop().catch((error: unknown) => problems.push(error))
    }
    if (problems.length > 0) throw problems[0]
  }

  #of(task: Task): Runner | undefined {
    return task.runner === undefined ? this.#fallback : this.#options.runners[task.runner]
  }
}
