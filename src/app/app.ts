import { randomBytes } from 'node:crypto'
import { type Config, type ConfigOverrides, type LoadedConfig, loadConfig } from '../config/index.ts'
import { type Launchers, startLaunchers } from '../flow/executor/index.ts'
import type { KafkaDriver } from '../flow/source/index.ts'
import { confluentDriver } from '../flow/source/kafka/confluent/index.ts'
import { checkHandler, guardUserCode, Hooks } from '../handler/index.ts'
import { type Announcer, systemClock as clock, createAnnouncer, deferred, endNow, unlessAborted } from '../lib/index.ts'
import { DrakkarError, type Handler, reasonOf, type WorkerEvent, type WorkerView } from '../model/index.ts'
import { createStatusBook, type StatusBook } from '../ops/control/index.ts'
import type { Logger } from '../ops/logs/index.ts'
import type { Worker } from '../worker.ts'
import { alignStart } from './align-start.ts'
import { buildWorker } from './build.ts'
import { type Observers, observe, openLog } from './observe.ts'
import { loadCustomSinks } from './sinks/custom.ts'
import { onStopSignal, SIGNAL_STATUS } from './stop-signals.ts'
import { summaryOf } from './summary.ts'

/** How long a forced stop may still take before the process just ends. */
const FORCED_MS = 3_000

export interface AppOptions {
  /** The handler, or how to load it (then nothing of it runs before the first launcher is there). */
  readonly handler: Handler | (() => Promise<Handler>)
  /** YAML file. Default: `DRAKKAR_CONFIG`, else environment and defaults alone. */
  readonly configPath?: string
  /** Settings that win over file and environment, with the names of the file. */
  readonly config?: ConfigOverrides
  /** Name of this worker. Default: the variable that `worker_name_env` names, else `drakkar-<random>`. */
  readonly workerId?: string
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The way to Kafka. Default: the native client. */
  readonly driver?: KafkaDriver
}

/** A worker with everything around it: configuration, launchers, log, metrics, signals. */
export class DrakkarApp {
  readonly #options: AppOptions
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #failed = deferred<Error>()
  readonly #stopping = new AbortController()
  readonly #announcer: Announcer<WorkerEvent>
  readonly #book: StatusBook = createStatusBook(clock)
  #logger: Logger | undefined
  #observers: Observers | undefined
  #launchers: Launchers | undefined
  #worker: Worker | undefined
  #starting: Promise<void> | undefined

  constructor(options: AppOptions) {
    this.#options = options
    this.#env = options.env ?? process.env
    this.#announcer = createAnnouncer((error, event) =>
      this.#logger?.error('listener_failed', { error: reasonOf(error), type: event.type }),
    )
    this.#announcer.subscribe(this.#book.listen, this.#book.types)
  }

  /**
   * Starts, works until a signal (SIGTERM, SIGINT, SIGHUP) or a failure ends it, stops, and answers the exit status,
   * which is also set on the process: 0 after a clean stop; the table of errors has the others. A second signal forces.
   */
  async run(): Promise<number> {
    const exit = process.exit.bind(process)
    const removeGuard = guardUserCode((error, exit) => this.#crash(error, exit))
    const stop = deferred<string>()
    let forced: number | undefined
    const removeSignals = onStopSignal(
      (reason) => stop.resolve(reason),
      (signal) => {
        const status = SIGNAL_STATUS[signal]
        forced = status
        this.#force(signal, () => endNow(status, exit))
      },
    )
    try {
      const started = this.start()
      started.catch(() => undefined)
      const ended = await Promise.race([started.then(() => undefined), stop.promise, this.#failed.promise])
      const reason = ended ?? (await Promise.race([stop.promise, this.#failed.promise]))
      // After a failure of the client nothing can be committed any more: what runs is ended, not waited for. Without
      // the first launcher the others still end what they run.
      if (reason instanceof Error && !(reason instanceof DrakkarError && reason.code === 'LAUNCHER_LOST'))
        this.#worker?.force()
      const drained = await this.#stopAndTell(typeof reason === 'string' ? reason : reasonOf(reason))
      process.exitCode = forced ?? this.#statusOf(reason, drained)
    } catch (error) {
      process.exitCode = forced ?? this.#report(error)
    } finally {
      removeSignals()
      removeGuard()
    }
    return Number(process.exitCode)
  }

  /** Resolves when messages flow. Rejects with a `DrakkarError`; what had started is stopped then. */
  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  /** Quiet, drain, commit, close. True where nothing was left running. Twice is fine. A start under way is given up. */
  async stop(reason = 'stop() was called'): Promise<boolean> {
    if (!this.#stopping.signal.aborted) this.#logger?.info('drakkar_stop_requested', { reason })
    this.#stopping.abort(new Error('stopped before it had started'))
    try {
      const drained = (await this.#worker?.stop()) ?? true
      await this.#starting?.catch(() => undefined)
      return drained
    } finally {
      await this.#closeAround()
    }
  }

  /** A read-only picture of the worker; undefined before it is built. */
  view(): WorkerView | undefined {
    return this.#worker?.view()
  }

  /** Where metrics and health listen; undefined where they are off. */
  get metricsAddress(): { readonly host: string; readonly port: number } | undefined {
    return this.#observers?.address
  }

  async #start(): Promise<void> {
    const { announce } = this.#announcer
    const { signal } = this.#stopping
    try {
      this.#launchers = await startLaunchers({
        count: 1,
        env: this.#env,
        clock,
        announce,
        failed: (error) => this.#fail(error),
      })
      const loaded = await unlessAborted(this.#config(), signal)
      const workerId = this.#workerId(loaded.config)
      this.#logger = openLog(loaded.config, workerId)
      await this.#startWorker(await unlessAborted(this.#handler(), signal), loaded, workerId, this.#logger)
    } catch (error) {
      await this.#closeAround()
      throw error
    }
  }

  async #startWorker(
    handler: Handler,
    { config, notices }: LoadedConfig,
    workerId: string,
    logger: Logger,
  ): Promise<void> {
    const { announce } = this.#announcer
    for (const notice of notices) logger.warn('config_notice', { notice })
    logger.info('config_summary', { node: process.version, pid: process.pid, ...summaryOf(config) })
    this.#observers = observe({
      config,
      workerId,
      logger,
      announcer: this.#announcer,
      book: this.#book,
      env: this.#env,
      view: () => this.view(),
      worker: () => this.#worker,
    })
    const hooks = new Hooks({
      handler,
      clock,
      announce,
      timeoutMs: config.hookTimeoutSeconds * 1000,
      log: (fields) => logger.child(fields),
      watch: this.#observers.watch,
    })
    const { signal } = this.#stopping
    await unlessAborted(hooks.onStartup(config, signal), signal)
    const { launchers } = config.executor
    this.#launchers?.grow(launchers === 'auto' ? undefined : launchers)
    this.#worker = buildWorker({
      config,
      env: this.#env,
      handler,
      hooks,
      launchers: this.#launchers as Launchers,
      driver: this.#options.driver ?? confluentDriver(),
      customSinks: await unlessAborted(loadCustomSinks(config), signal),
      announce,
      workerId,
    })
    void this.#worker.failure.then((error) => this.#fail(error))
    await this.#observers.start()
    const { address } = this.#observers
    if (address !== undefined) logger.info('ops_listening', address)
    await alignStart(config, clock, signal)
    signal.throwIfAborted()
    await this.#worker.start()
  }

  #config(): Promise<LoadedConfig> {
    const { configPath, config } = this.#options
    return loadConfig({
      env: this.#env,
      ...(configPath === undefined ? {} : { path: configPath }),
      ...(config === undefined ? {} : { overrides: config }),
    })
  }

  async #handler(): Promise<Handler> {
    const { handler } = this.#options
    return typeof handler === 'function' && handler.prototype === undefined
      ? await handler()
      : checkHandler(handler, 'the handler')
  }

  #workerId(config: Config): string {
    return this.#options.workerId ?? (this.#env[config.workerNameEnv] || `drakkar-${randomBytes(4).toString('hex')}`)
  }

  #fail(error: Error): void {
    this.#logger?.fatal('worker_failed', {
      error: reasonOf(error),
      ...(error instanceof DrakkarError ? { code: error.code, advice: error.advice } : {}),
    })
    this.#failed.resolve(error)
  }

  /** The second signal: what runs is killed, and whatever else still keeps the process gets no more than a moment. */
  #force(signal: string, exit: () => void): void {
    this.#logger?.warn('drakkar_forced', { signal })
    this.#worker?.force()
    const last = setTimeout(() => {
      this.#logger?.fatal('drakkar_forced', { signal, error: `it had not stopped ${FORCED_MS / 1000} s later` })
      this.#logger?.flush()
      exit()
    }, FORCED_MS)
    last.unref()
  }

  /** What cannot be closed, for example a producer whose broker is gone, is no failure of the start, nor a clean end. */
  async #stopAndTell(reason: string): Promise<boolean> {
    try {
      return await this.stop(reason)
    } catch (error) {
      this.#logger?.error('stop_incomplete', { error: reasonOf(error) })
      this.#logger?.flush()
      return false
    }
  }

  #statusOf(reason: string | Error, drained: boolean): number {
    if (reason instanceof DrakkarError) return reason.exitCode
    if (typeof reason !== 'string') return 1
    return drained ? 0 : new DrakkarError('DRAIN_TIMEOUT', '').exitCode
  }

  #report(error: unknown): number {
    const advice = error instanceof DrakkarError ? error.advice : undefined
    const code = error instanceof DrakkarError ? error.code : undefined
    if (this.#logger === undefined)
      process.stderr.write(`drakkar: ${reasonOf(error)}${advice === undefined ? '' : `\n  ${advice}`}\n`)
    else
      this.#logger.fatal('start_failed', {
        error: reasonOf(error),
        code,
        advice,
        ...(code === undefined && error instanceof Error ? { stack: error.stack } : {}),
      })
    this.#logger?.flush()
    return error instanceof DrakkarError ? error.exitCode : 1
  }

  /** User code went astray: end now, without a commit. The launchers notice and end what they run. */
  #crash(error: DrakkarError, exit: typeof process.exit): void {
    const stack = error.cause instanceof Error ? error.cause.stack : undefined
    if (this.#logger === undefined)
      process.stderr.write(`drakkar: ${error.message}\n${stack ?? ''}\n  ${error.advice ?? ''}\n`)
    else this.#logger.fatal('user_code_crashed', { error: error.message, stack, advice: error.advice })
    this.#logger?.flush()
    endNow(error.exitCode, exit)
  }

  async #closeAround(): Promise<void> {
    const observers = this.#observers
    const launchers = this.#launchers
    this.#observers = undefined
    this.#launchers = undefined
    await launchers?.stop()
    await observers?.stop()
    this.#logger?.flush()
  }
}
