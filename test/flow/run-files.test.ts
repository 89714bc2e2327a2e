import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { task } from '../../src/handler/index.ts'
import type { Outcome, TaskResult, Verdict } from '../../src/model/index.ts'
import { flowBench, outcome, record } from './harness.ts'

const folder = mkdtempSync(join(tmpdir(), 'run-files-'))
afterAll(() => rmSync(folder, { recursive: true }))

const one = { arrange: (messages: readonly never[]) => messages.map((message) => task(message)) }

/** What a run leaves: a spilled output and a scratch folder with a file in it. */
function left(verdict: Verdict = 'ok'): Outcome {
  const path = mkdtempSync(join(folder, 'run-'))
  mkdirSync(join(path, 'scratch'))
  writeFileSync(join(path, 'scratch', 'report'), 'a report')
  writeFileSync(join(path, 'out'), 'all of it')
  return outcome(verdict, 'all', {
    scratch: join(path, 'scratch'),
    stdoutFile: { path: join(path, 'out'), bytes: 9 },
  })
}

const isThere = (run: Outcome): boolean[] =>
  [run.scratch ?? '', run.stdoutFile?.path ?? ''].map((path) => existsSync(path))

async function eventuallyGone(run: Outcome): Promise<void> {
  for (let turn = 0; turn < 500 && isThere(run).some(Boolean); turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  expect(isThere(run)).toEqual([false, false])
}

const textOf = (result: TaskResult): string =>
  `${readFileSync(join(result.scratch ?? '', 'report'), 'utf8')}, ${readFileSync(result.stdoutFile?.path ?? '', 'utf8')}`

describe('what a run leaves on disk', () => {
  it('is there for onTaskComplete as long as it takes, and removed when the task has settled', async () => {
    const seen: string[] = []
    const wait = Promise.withResolvers<void>()
    const bench = flowBench({
      handler: {
        ...one,
        onTaskComplete: async (result) => {
          await wait.promise
          seen.push(textOf(result))
          return { kafka: [{ data: 1 }] }
        },
      },
    })
    bench.feed(record(0))
    await bench.clock.run(1)
    const run = left()
    bench.executor.of('jobs:0:0:0').end(run)
    await bench.clock.run(1_000)
    expect(isThere(run)).toEqual([true, true])
    wait.resolve()
    await bench.clock.run(1)
    expect(bench.ends.get(0)).toEqual({ kind: 'delivered' })
    expect(seen).toEqual(['a report, all of it'])
    await eventuallyGone(run)
  })

  it('is there for onError, and removed before the next try begins with its own', async () => {
    const seen: string[] = []
    const runs: Outcome[] = []
    const bench = flowBench({
      handler: { ...one, onError: (failure) => (seen.push(textOf(failure.result)), 'retry' as const) },
      program: (_task, attempt) => {
        const run = left(attempt === 1 ? 'exit' : 'ok')
        runs.push(run)
        return run
      },
    })
    bench.feed(record(0))
    await bench.clock.run(50)
    expect(seen).toEqual(['a report, all of it'])
    expect(isThere(runs[0] as Outcome)).toEqual([true, true])
    await bench.clock.run(60_000)
    expect(bench.ends.get(0)).toEqual({ kind: 'delivered' })
    expect(runs).toHaveLength(2)
    for (const run of runs) await eventuallyGone(run)
  })

  it('is removed where the partition is gone, before the run ended or while its hook runs', async () => {
    const never = new Promise<never>(() => undefined)
    const bench = flowBench({ handler: { ...one, onTaskComplete: () => never } })
    bench.feed(record(0), record(1))
    await bench.clock.run(1)
    for (const run of bench.executor.runs) run.start()
    const inHook = left()
    bench.executor.of('jobs:0:0:0').end(inHook)
    await bench.clock.run(1)
    expect(isThere(inHook)).toEqual([true, true])
    const late = left('cancelled')
    const other = bench.executor.of('jobs:0:1:0')
    // Its outcome is on the way when the partition goes.
    other.end(late)
    bench.flow.close()
    await bench.clock.run(1)
    await eventuallyGone(inHook)
    await eventuallyGone(late)
  })
})
