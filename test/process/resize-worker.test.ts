import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, type WorkerStatus } from '../../src/ops/control/index.ts'
import { type Job, type Run, Stage, until } from './cli-kit.ts'

const HANDLER = `
  import { defineHandler, task } from 'drakkar'
  export default defineHandler({
    arrange: (messages) => messages.map((m) => task(m, { stdin: m.payload.gate })),
    onTaskComplete: ({ task, stdout }) => ({ files: [{ path: 'out.jsonl', data: { id: task.id, by: stdout } }] }),
  })`

/** Answers its pid when the file is there that its task names. */
const PROGRAM = `
  import { existsSync } from 'node:fs'
  import { createInterface } from 'node:readline'
  const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\\n')
  for await (const line of createInterface({ input: process.stdin })) {
    const { op, id, stdin } = JSON.parse(line)
    if (op === 'bye') process.exit(0)
    if (op === 'ping') say({ op: 'pong', id })
    if (op !== 'task') continue
    while (!existsSync(stdin)) await new Promise((then) => setTimeout(then, 10))
    say({ id, stdout: String(process.pid) })
  }`

/** The same in a thread. */
const FUNCTION = `
  import { existsSync } from 'node:fs'
  import { threadId } from 'node:worker_threads'
  export default async ({ stdin }) => {
    while (!existsSync(Buffer.from(stdin).toString())) await new Promise((then) => setTimeout(then, 10))
    return String(threadId)
  }`

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

interface Steered {
  readonly job: Job
  readonly worker: Run
  readonly gate: string
  readonly drakkar: (...args: readonly string[]) => Promise<string>
  readonly status: () => Promise<WorkerStatus>
  readonly size: () => Promise<readonly unknown[]>
}

async function steered(executor: object): Promise<Steered> {
  const job = await stage.job({ handler: HANDLER, config: { executor: { max_executors: 1, ...executor } } })
  await job.file('program.mjs', PROGRAM)
  await job.file('function.mjs', FUNCTION)
  const env = { XDG_RUNTIME_DIR: job.folder }
  const worker = stage.worker(job, { args: ['--worker-id', job.name], env })
  await worker.ready()
  const status = async (): Promise<WorkerStatus> => {
    const answer = await ask(join(job.folder, 'drakkar', `${job.name}.sock`), { verb: 'status' }, 10_000)
    if (!('status' in answer)) throw new Error(JSON.stringify(answer))
    return answer.status
  }
  return {
    job,
    worker,
    gate: join(job.folder, 'go'),
    status,
    async drakkar(...args) {
      const run = stage.command(args, { env })
      expect(await run.exit(), run.story).toEqual({ code: 0, signal: null })
      return run.stdout
    },
    async size() {
      return (await status()).view.executor.kept.flatMap(({ live, leaving, most }) => [live, leaving, most])
    },
  }
}

const ownersOf = ({ view }: WorkerStatus): readonly unknown[] =>
  view.partitions.map(({ topic, partition, epoch }) => `${topic}/${partition} ${epoch}`).toSorted()

describe.concurrent('max_executors of a running worker', () => {
  test.each([
    ['processes', 'pool', { runner: 'pool', pool: { binary_path: process.execPath, args: ['program.mjs'] } }],
    ['threads', 'function', { runner: 'function', function: { file: 'function.mjs' } }],
  ])(
    '%s follow it, both ways, without a rebalance and without a task lost',
    async (what, runner, executor) => {
      const one = await steered(executor)
      const { job, worker, drakkar } = one
      await stage.produce(
        job.topic,
        Array.from({ length: 8 }, () => ({ gate: one.gate })),
      )
      const running = (count: number): Promise<unknown> =>
        until(
          () => `${count} runs\n${worker.story}`,
          async () => (await one.status()).runs.length === count,
        )
      await running(1)
      const before = ownersOf(await one.status())
      expect(await drakkar('set', 'max_executors=3')).toBe(
        `max_executors is 3 now; it was 1. There may be 3 ${what} of executor.${runner} now\n`,
      )
      await running(3)
      expect(await one.size()).toEqual([3, 0, 3])
      await drakkar('set', 'max_executors=1')
      expect(await one.size()).toEqual([1, 2, 1])
      expect(await drakkar('status')).toMatch(
        new RegExp(`^${runner} +1 of 1 ${what} · 2 more end with their tasks$`, 'm'),
      )
      await writeFile(one.gate, '')
      const results = (await until(
        () => `eight results\n${worker.story}`,
        async () => {
          const rows = await job.rows('results/out.jsonl')
          return rows.length >= 8 ? rows : null
        },
      )) as readonly { readonly id: string; readonly by: string }[]
      expect(new Set(results.map(({ id }) => id)).size).toBe(8)
      expect(new Set(results.map(({ by }) => by)).size).toBe(3)
      await until(
        () => `the end of two\n${worker.story}`,
        async () => String(await one.size()) === '1,0,1',
      )
      expect(ownersOf(await one.status())).toEqual(before)
      worker.child.kill('SIGTERM')
      expect(await worker.exit(), worker.story).toEqual({ code: 0, signal: null })
      expect(await job.rows('results/out.jsonl')).toHaveLength(8)
      expect(await stage.count(`${job.topic}_dlq`)).toBe(0)
    },
    60_000,
  )

  test('a number that is configured stays, and it says so', async () => {
    const one = await steered({
      runner: 'pool',
      pool: { binary_path: process.execPath, args: ['program.mjs'], processes: 2 },
      function: { file: 'function.mjs', threads: 2 },
    })
    expect(await one.drakkar('set', 'max_executors=8')).toBe(
      'max_executors is 8 now; it was 1. executor.pool.processes is 2 as configured, and does not follow. executor.function.threads is 2 as configured, and does not follow\n',
    )
    expect(await one.drakkar('status')).toMatch(/^pool +2 of 2 processes · fixed by executor\.pool\.processes$/m)
    expect(await one.size()).toEqual([2, 0, 2, 2, 0, 2])
    one.worker.child.kill('SIGTERM')
    expect(await one.worker.exit(), one.worker.story).toEqual({ code: 0, signal: null })
  }, 60_000)
})
