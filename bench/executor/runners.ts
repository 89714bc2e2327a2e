import { tmpdir } from 'node:os'
import { ExecRunner, type Launchers, type Runner, startLaunchers } from '../../src/flow/executor/index.ts'
import { systemClock as clock } from '../../src/lib/index.ts'
import type { WorkerEvent } from '../../src/model/index.ts'

export type FlowKind = 'known' | 'exec'

/** What runs a flow lane's tasks. */
export async function flowRunner(
  kind: FlowKind,
  program: string,
  _slots: number,
  announce: (event: WorkerEvent) => void,
): Promise<Runner> {
  if (kind === 'known') {
    return { start: async () => {}, stop: async () => {}, run: () => Promise.reject(new Error('unused')) }
  }
  return execRunner(await launchersFor(announce), program)
}

function launchersFor(announce: (event: WorkerEvent) => void): Promise<Launchers> {
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
