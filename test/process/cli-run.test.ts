import { chmod, copyFile, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { childrenNow, isAlive, type Job, numbersIn, type Run, Stage, until } from './cli-kit.ts'

/** Each message through `cat`, its answer as a line of a file. */
const ECHO = `
  import { defineHandler, task } from 'drakkar'
  export default defineHandler({
    arrange: (messages) => messages.map((m) => task(m, { stdin: JSON.stringify(m.payload) })),
    onTaskComplete: (result) => ({ files: [{ path: 'out.jsonl', data: JSON.parse(result.stdout) }] }),
  })`

const numbered = (count: number): { n: number }[] => Array.from({ length: count }, (_, n) => ({ n }))

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

async function answered(job: Job, count: number): Promise<readonly number[]> {
  const rows = await until(
    () => `${count} results of ${job.name}`,
    async () => {
      const found = await job.rows('results/out.jsonl')
      return found.length >= count && found
    },
  )
  return (rows as { n: number }[]).map(({ n }) => n).toSorted((a, b) => a - b)
}

async function stopped(run: Run): Promise<void> {
  run.child.kill('SIGTERM')
  expect(await run.exit(), run.story).toEqual({ code: 0, signal: null })
}

describe.concurrent('drakkar run', () => {
  test('takes messages through the program to the sink, commits all of them, and launches one process for it', async () => {
    const job = await stage.job({ handler: ECHO, config: { executor: { launchers: 3 } } })
    const worker = stage.worker(job, { args: ['--worker-id', 'viking'] })
    await worker.ready()
    const children = new Set<number>()
    const looking = setInterval(() => {
      for (const child of childrenNow(worker.pid)) children.add(child)
    }, 20)
    await stage.produce(job.topic, [...numbered(60), '{not json'])
    expect(await answered(job, 60)).toEqual(numbered(60).map(({ n }) => n))
    await until(
      () => `the dead letter of ${job.name}`,
      async () => (await stage.count(`${job.topic}_dlq`)) === 1,
    )
    await stopped(worker)
    clearInterval(looking)
    expect(children.size).toBe(1)
    expect(await stage.committed(job)).toEqual([16, 15, 15, 15])
    expect(new Set(worker.lines.map((line) => line['worker_id']))).toEqual(new Set(['viking']))
    expect(worker.text).toEqual([])
    // The first is there before there is a log.
    const started = worker.lines.filter(({ event }) => event === 'launcher_started')
    expect(new Set(started.map((line) => line['index']))).toEqual(new Set([1, 2]))
  })

  test.runIf(process.platform === 'linux')(
    'keeps few heaps, as the process that was started, and its programs do not see that',
    async () => {
      const handler = `
      import { defineHandler, task } from 'drakkar'
      export default defineHandler({
        arrange: (messages) => messages.map((m) => task(m, { binary: 'env' })),
        onTaskComplete: ({ stdout }) => ({ files: [{ path: 'out.jsonl', data: stdout.split('\\n') }] }),
      })`
      const job = await stage.job({ handler })
      const worker = stage.worker(job, { env: { OF_THE_USER: 'yes' } })
      await worker.ready()
      expect(await readFile(`/proc/${worker.pid}/environ`, 'utf8')).toContain('\0MALLOC_ARENA_MAX=2\0')
      expect(await readFile(`/proc/${worker.pid}/cmdline`, 'utf8')).toContain('--max-semi-space-size=4')
      await stage.produce(job.topic, [1])
      const [lines] = (await until(
        () => worker.story,
        async () => {
          const rows = await job.rows('results/out.jsonl')
          return rows.length === 1 && rows
        },
      )) as string[][]
      expect(lines).toContain('OF_THE_USER=yes')
      expect(lines?.filter((line) => /MALLOC|STARTED_AGAIN/.test(line))).toEqual([])
      await stopped(worker)
    },
  )

  test('goes on where the last one stopped, and runs nothing twice', async () => {
    const job = await stage.job({ handler: ECHO })
    const values = numbered(40)
    for (const half of [values.slice(0, 20), values.slice(20)]) {
      const worker = stage.worker(job)
      await stage.produce(job.topic, half)
      await answered(job, (half[19]?.n ?? 0) + 1)
      await stopped(worker)
    }
    expect(await answered(job, 40)).toEqual(values.map(({ n }) => n))
  })

  test('is not ready while its program is missing, says why, and goes on by itself when it appears', async () => {
    const job = await stage.job({ handler: ECHO })
    const program = join(job.folder, 'program')
    const worker = stage.worker(job, { env: { DRAKKAR_EXECUTOR__BINARY_PATH: program } })
    const address = await worker.address()
    await worker.ready()
    expect((await fetch(`${address}/readyz`)).status).toBe(200)
    await stage.produce(job.topic, numbered(8))
    const held = await until(
      () => '/readyz with 503',
      async () => {
        const answer = await fetch(`${address}/readyz`)
        return answer.status === 503 && ((await answer.json()) as { reasons: string[] })
      },
    )
    expect(held.reasons.join('\n')).toContain(program)
    expect((await fetch(`${address}/healthz`)).status).toBe(200)
    await copyFile('/bin/cat', `${program}.new`)
    await chmod(`${program}.new`, 0o755)
    await rename(`${program}.new`, program)
    expect(await answered(job, 8)).toHaveLength(8)
    await until(
      () => '/readyz with 200',
      async () => (await fetch(`${address}/readyz`)).status === 200,
    )
    await stopped(worker)
    expect(await stage.count(`${job.topic}_dlq`)).toBe(0)
  })

  test('leaves nothing behind after SIGKILL', async () => {
    const job = await stage.job({
      config: { executor: { binary_path: '/bin/sh' } },
      handler: `
        import { defineHandler, task } from 'drakkar'
        const script = 'echo $$ >> pids; sleep 300 & echo $! >> pids; exec sleep 300'
        export default defineHandler({
          arrange: (messages) => messages.map((m) => task(m, { args: ['-c', script] })),
        })`,
    })
    const worker = stage.worker(job)
    await stage.produce(job.topic, numbered(4))
    const programs = await until(
      () => 'eight sleeping programs',
      async () => {
        const pids = await numbersIn(join(job.folder, 'pids'))
        return pids.length === 8 && pids
      },
    )
    const all = [...programs, ...childrenNow(worker.pid)]
    expect(all.filter(isAlive)).toHaveLength(9)
    worker.child.kill('SIGKILL')
    expect((await worker.exit()).signal).toBe('SIGKILL')
    await until(
      () => 'the end of programs and launchers',
      () => !all.some(isAlive),
      5_000,
    )
  })

  test('ends with 71 when its first launcher is killed, with its advice, after the drain; nothing is lost', async () => {
    const job = await stage.job({
      // One attempt is lost with the launcher. The next ones have none to go to, which must not use them up.
      config: {
        executor: { binary_path: '/bin/sh', drain_on_stop_seconds: 1, max_retries: 1, retry_backoff_seconds: 0.01 },
      },
      handler: `
        import { defineHandler, task } from 'drakkar'
        export default defineHandler({ arrange: (messages) => messages.map((m) => task(m, { args: ['-c', 'sleep 300'] })) })`,
    })
    const worker = stage.worker(job)
    await worker.ready()
    await stage.produce(job.topic, numbered(4))
    const address = await worker.address()
    await until(
      () => 'four running tasks',
      async () => /^drakkar_executor_pool_active(\{.*\})? 4$/m.test(await (await fetch(`${address}/metrics`)).text()),
    )
    const [launcher] = childrenNow(worker.pid)
    process.kill(launcher as number, 'SIGKILL')
    expect(await worker.exit(), worker.story).toEqual({ code: 71, signal: null })
    const line = await worker.line('worker_failed')
    expect(line).toMatchObject({ level: 'critical', code: 'LAUNCHER_LOST' })
    expect(await stage.committed(job)).toEqual([0, 0, 0, 0])
    expect(await stage.count(`${job.topic}_dlq`)).toBe(0)
  })

  test('says clearly that the port of its metrics is taken, names the setting, and ends with 2', async () => {
    const [first, second] = [await stage.job({ handler: ECHO }), await stage.job({ handler: ECHO })]
    const one = stage.worker(first)
    const port = new URL(await one.address()).port
    const two = stage.worker(second, { env: { DRAKKAR_METRICS__PORT: port } })
    expect(await two.exit()).toEqual({ code: 2, signal: null })
    const line = await two.line('start_failed')
    expect(line['error']).toContain(`metrics.port: cannot listen on 127.0.0.1:${port}: another process listens there`)
    expect(line['advice']).toContain('metrics.port')
    await one.ready()
    await stopped(one)
  })
})
