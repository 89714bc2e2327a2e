import { tmpdir } from 'node:os'
import { ExecRunner, type Launchers, PoolRunner, type Runner, startLaunchers } from '../../src/flow/executor/index.ts'
import { systemClock as clock, systemRandom as random } from '../../src/lib/index.ts'
import type { WorkerEvent } from '../../src/model/index.ts'

export type FlowKind = 'known' | 'exec' | 'pool-json' | 'pool-frames'

/** How tasks share persistent processes. */
export interface PoolShape {
  readonly protocol: 'json' | 'frames'
  readonly processes: number
  readonly inFlight: number
}

/** What runs a flow lane's tasks. */
export async function flowRunner(
  kind: FlowKind,
  program: string,
  slots: number,
  announce: (event: WorkerEvent) => void,
): Promise<Runner> {
  if (kind === 'known') {
    return { start: async () => {}, stop: async () => {}, run: () => Promise.reject(new Error('unused')) }
  }
  const launchers = await benchLaunchers(announce)
  if (kind === 'exec') return execRunner(launchers, program)
  return poolRunner(launchers, program, {
    protocol: kind === 'pool-json' ? 'json' : 'frames',
    processes: 1,
    inFlight: slots,
  })
}

/** Launchers of this package, the native ones where they run. */
export function benchLaunchers(announce: (event: WorkerEvent) => void): Promise<Launchers> {
  return startLaunchers({
    env: process.env,
    clock,
    announce,
    failed: (error) => {
      throw error
    },
  })
}

/** One process a task, with the defaults of a configuration. */
export function execRunner(launchers: Launchers, program: string): Runner {
  return new ExecRunner({
    launchers,
    defaultBinary: program,
    parent: process.env,
    inheritParent: true,
    deny: [],
    env: {},
    timeoutMs: 60_000,
    graceMs: 1_000,
    maxStdoutBytes: 1024 * 1024,
    maxStderrBytes: 256 * 1024,
    onOutputCap: 'fail',
    limits: {},
    nice: 0,
    umask: null,
    runAs: null,
    spillFolder: tmpdir(),
    maxSpillBytes: 0,
    scratchFolder: tmpdir(),
  })
}

/** Persistent processes that answer each task with its stdin. */
export function poolRunner(launchers: Launchers, program: string, shape: PoolShape): Runner {
  return new PoolRunner({
    launchers,
    clock,
    random,
    announce: () => undefined,
    program,
    args: [shape.protocol],
    ...shape,
    maxAnswerBytes: 1 << 24,
    timeoutMs: 10_000,
    graceMs: 1_000,
    readyTimeoutMs: 5_000,
    noProgressMs: 0,
    recycle: { afterTasks: 0, afterMs: 0, maxRssBytes: 0, idleMs: 0 },
    watch: [],
    maxStdoutBytes: 1 << 20,
    maxStderrBytes: 1 << 18,
    onOutputCap: 'fail',
    parent: process.env,
    inheritParent: true,
    deny: [],
    env: {},
  })
}
