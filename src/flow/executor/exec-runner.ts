import { constants, tmpdir } from 'node:os'
import { DrakkarError, type Outcome, reasonOf, type Task, type TaskLimits } from '../../model/index.ts'
import type { CancelSignal } from './cancellation.ts'
import { baseEnvironment, type EnvironmentOptions } from './environment.ts'
import { addExtras, type ExecDefaults, type Made, refuse, requestOf } from './exec-request.ts'
import { RunFiles, type RunFilesOptions } from './files/index.ts'
import type { Launchers } from './launcher/launchers.ts'
import type { LaunchReport, LaunchRequest } from './launcher/link.ts'
import type { Setting } from './launcher/start-frame.ts'
import { OomKills } from './oom-kills.ts'
import { type RunSettings, settingsList, settingsProblem } from './run-settings.ts'
import type { Runner } from './runner.ts'
import { outcomeOf, refusedOutcome, wasKilledByOthers } from './verdict.ts'
import type { RunFacts } from './verdict-text.ts'

export interface ExecRunnerOptions
  extends EnvironmentOptions,
    ExecDefaults,
    Partial<RunSettings>,
    Partial<RunFilesOptions> {
  readonly launchers: Launchers
  /** Most stdout of a run that may be spilled, bytes; 0 = no limit, the default. */
  readonly maxSpillBytes?: number
}

const NOTHING_MADE: Made = {}

/** One process per task, started by the launchers. */
export class ExecRunner implements Runner {
  readonly #options: ExecRunnerOptions
  readonly #every: RunSettings
  readonly #settings: readonly Setting[]
  readonly #files: RunFiles
  readonly #oomKills: OomKills = new OomKills()
  #template = 0

  constructor(options: ExecRunnerOptions) {
    this.#options = options
    const { limits = {}, nice = 0, umask = null, runAs = null } = options
    this.#every = { limits, nice, umask, runAs }
    this.#settings = settingsList(this.#every)
    const { spillFolder = tmpdir(), scratchFolder = tmpdir() } = options
    this.#files = new RunFiles({ spillFolder, scratchFolder, runAs })
  }

  /** Fails with CONFIG_INVALID where the launchers cannot do what is configured. */
  async start(): Promise<void> {
    const { launchers, onOutputCap } = this.#options
    const problem = settingsProblem(this.#every, launchers.kind, process.geteuid?.())
    if (problem !== null) {
      throw new DrakkarError('CONFIG_INVALID', `${problem}.`, {
        advice:
          'The log at the start and `drakkar doctor` say which launchers serve, and why. Else take the option out.',
      })
    }
    if (this.#template === 0) this.#template = launchers.registerEnv(baseEnvironment(this.#options))
    this.#files.sweep()
    // A folder that cannot be made is told at the start, not by the first large output.
    if (onOutputCap === 'spill') await this.#files.spillFile()
  }

  run(task: Task, signal: CancelSignal, started?: (pid?: number) => void): Promise<Outcome> {
    const { onOutputCap } = this.#options
    const needsFiles = task.scratch === true || (task.onOutputCap ?? onOutputCap) === 'spill'
    return needsFiles ? this.#runWithFiles(task, signal, started) : this.#run(task, NOTHING_MADE, signal, started)
  }

  async stop(): Promise<void> {
    await this.#options.launchers.stop()
    await this.#files.close()
  }

  #run(task: Task, made: Made, signal: CancelSignal, started?: (pid?: number) => void): Promise<Outcome> {
    const request = requestOf(task, this.#options, this.#template)
    const settings = this.#settingsOf(task)
    addExtras(request, task, made, settings, this.#options.maxSpillBytes ?? 0)
    const refusal = refuse(request)
    if (refusal !== null) return Promise.resolve(refusal)
    return new Promise((resolve) => {
      const cancel = this.#options.launchers.launch(request, {
        started: (pid) => started?.(pid),
        ended: (report) => {
          signal.removeEventListener('abort', cancel)
          resolve(outcomeOf(report, this.#factsOf(request, task, report)))
        },
      })
      if (signal.aborted) cancel()
      else signal.addEventListener('abort', cancel)
    })
  }

  #settingsOf(task: Task): readonly Setting[] {
    if (task.limits === undefined && task.nice === undefined) return this.#settings
    return settingsList({ ...this.#every, limits: this.#limitsOf(task), nice: task.nice ?? this.#every.nice })
  }

  #limitsOf(task: Task): TaskLimits {
    const { limits } = this.#every
    return task.limits === undefined ? limits : { ...limits, ...task.limits }
  }

  #factsOf(request: LaunchRequest, task: Task, report: LaunchReport): RunFacts {
    return {
      program: request.program,
      cwd: request.cwd,
      timeoutMs: request.timeoutMs,
      stdoutCap: request.stdoutCap,
      stdinFile: request.stdinFile,
      spillFile: request.spill?.file,
      maxSpillBytes: request.spill?.maxBytes,
      limits: this.#limitsOf(task),
      outOfMemory:
        report.kind === 'done' &&
        report.done.signal === constants.signals.SIGKILL &&
        wasKilledByOthers(report.done) &&
        this.#oomKills.claim(),
    }
  }

  /** What the run leaves is named in its outcome, for whoever ends its task to remove. */
  async #runWithFiles(task: Task, signal: CancelSignal, started?: (pid?: number) => void): Promise<Outcome> {
    let made: Made
    try {
      made = await this.#make(task)
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code ?? 'EIO'
      const message = `The folder for the task's files cannot be made: ${reasonOf(error)}`
      return refusedOutcome(errno === 'ENOSPC' ? 'ENOMEM' : errno, 'cwd', message)
    }
    const outcome = await this.#run(task, made, signal, started)
    const spilled = outcome.stdoutFile === undefined ? outcome : await this.#complete(outcome)
    if (made.spillFile !== undefined && outcome.stdoutFile === undefined && outcome.verdict !== 'ok')
      await this.#files.removeSpill(made.spillFile)
    if (made.scratch === undefined) return spilled
    if (spilled.pid !== null) return { ...spilled, scratch: made.scratch }
    await this.#files.removeScratch(made.scratch)
    return spilled
  }

  async #make(task: Task): Promise<Made> {
    const spills = (task.onOutputCap ?? this.#options.onOutputCap) === 'spill'
    const spillFile = spills ? { spillFile: await this.#files.spillFile() } : {}
    const scratch = task.scratch === true ? { scratch: await this.#files.scratch() } : {}
    return { ...spillFile, ...scratch }
  }

  /** The launcher wrote what is beyond the cap; what it sent before goes in front of it. */
  async #complete(outcome: Outcome): Promise<Outcome> {
    const path = outcome.stdoutFile?.path ?? ''
    try {
      await this.#files.completeSpill(path, outcome.stdout)
      return outcome
    } catch (error) {
      const message = `stdout could not be spilled to ${path}: ${reasonOf(error)}`
      return { ...outcome, verdict: outcome.verdict === 'ok' ? 'output-cap' : outcome.verdict, message }
    }
  }
}
