import { fileURLToPath } from 'node:url'
import { PoolRunner, type PoolRunnerOptions } from '../../src/flow/executor/index.ts'
import { systemClock, systemRandom } from '../../src/lib/index.ts'
import type { EventOf, Outcome, TaskOptions, WorkerEvent } from '../../src/model/index.ts'
import { type Bench, bench, type LauncherUnderTest, taskOf } from './launcher-kit.ts'

export const FAULTY = fileURLToPath(new URL('../programs/faulty-worker.mjs', import.meta.url))
export const EXAMPLES = fileURLToPath(new URL('../../examples/pool-workers/', import.meta.url))

export interface PoolBench extends AsyncDisposable {
  readonly bench: Bench
  readonly pool: PoolRunner
  readonly events: WorkerEvent[]
  run(stdin: string, options?: TaskOptions, signal?: AbortSignal): Promise<Outcome>
  /** Processes that have ended, in their order. */
  gone(): EventOf<'pool_process_ended'>[]
}

export const textOf = ({ stdout }: Outcome): string => stdout.toString()

/** A pool of real processes on real launchers. Every process carries the mark of the bench. */
export async function poolBench(
  options: Partial<PoolRunnerOptions>,
  tested?: LauncherUnderTest,
  launchers = 1,
): Promise<PoolBench> {
  const base = await bench({}, { count: launchers, ...tested?.options })
  const events: WorkerEvent[] = []
  const pool = new PoolRunner({
    launchers: base.launchers,
    clock: systemClock,
    random: systemRandom,
    announce: (event) => events.push(event),
    program: process.execPath,
    args: [FAULTY],
    protocol: 'json',
    processes: 1,
    inFlight: 1,
    maxAnswerBytes: 65_536,
    timeoutMs: 20_000,
    graceMs: 500,
    readyTimeoutMs: 20_000,
    noProgressMs: 0,
    recycle: { afterTasks: 0, afterMs: 0, maxRssBytes: 0, idleMs: 0 },
    watch: [],
    maxStdoutBytes: 1_048_576,
    maxStderrBytes: 4096,
    onOutputCap: 'fail',
    parent: { PATH: process.env['PATH'] },
    inheritParent: true,
    deny: [],
    env: { DRAKKAR_TEST_MARK: base.mark },
    ...options,
  })
  await pool.start()
  return {
    bench: base,
    pool,
    events,
    run: (stdin, task = {}, signal = new AbortController().signal) => pool.run(taskOf({ ...task, stdin }), signal),
    gone: () => events.filter((event) => event.type === 'pool_process_ended'),
    async [Symbol.asyncDispose]() {
      await pool.stop()
      await base[Symbol.asyncDispose]()
    },
  }
}
