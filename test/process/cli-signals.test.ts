import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { childrenNow, DRAKKAR, finish, isAlive, type Job, numbersIn, ROOT, type Run, Stage, until } from './cli-kit.ts'

/** One message runs a program that says its pid, waits until somebody writes into `gate`, and answers. */
const GATED = `
  import { defineHandler, task } from 'drakkar'
  const script = 'echo $$ >> running; cat gate; echo $$ >> through'
  export default defineHandler({
    arrange: (messages) => messages.map((m) => task(m, { args: ['-c', script] })),
    onTaskComplete: (result) => ({ files: [{ path: 'out.jsonl', data: result.stdout.trim() }] }),
  })`

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

async function gatedJob(config: Record<string, unknown> = {}): Promise<Job> {
  const job = await stage.job({ handler: GATED, config: { executor: { binary_path: '/bin/sh', ...config } } })
  await finish('mkfifo', [join(job.folder, 'gate')])
  await stage.produce(job.topic, [{ n: 1 }], 2)
  return job
}

/** The pid of the job's program, once it runs. */
function running(job: Job, worker: Run): Promise<number> {
  return until(
    () => `the program of ${job.name}\n${worker.story}`,
    async () => {
      if (worker.end !== undefined) throw new Error(`the worker has ended:\n${worker.story}`)
      return (await numbersIn(join(job.folder, 'running')))[0]
    },
  )
}

const open = (job: Job): void => writeFileSync(join(job.folder, 'gate'), 'opened\n')

/** The program ran on although the worker was told to stop; its answer is there and committed. */
async function endedWell(job: Job): Promise<void> {
  expect(await job.rows('results/out.jsonl')).toEqual(['opened'])
  expect(await numbersIn(join(job.folder, 'through'))).toHaveLength(1)
  expect(await stage.committed(job)).toEqual([0, 0, 1, 0])
}

const stopRequested = (run: Run): Promise<unknown> => run.line('drakkar_stop_requested')

describe.concurrent('signals', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s: what runs may end, is delivered and committed; 0',
    async (name) => {
      const job = await gatedJob()
      const worker = stage.worker(job)
      const program = await running(job, worker)
      worker.child.kill(name)
      expect(await stopRequested(worker)).toMatchObject({ reason: name })
      expect(isAlive(program)).toBe(true)
      open(job)
      expect(await worker.exit(), worker.story).toEqual({ code: 0, signal: null })
      await endedWell(job)
    },
  )

  test('Ctrl-C at a terminal reaches the whole process group, and yet no program before the drain', async () => {
    const job = await gatedJob()
    const worker = stage.spawn(process.execPath, [...DRAKKAR, 'run', 'handler.mts', '-c', job.config], {
      cwd: job.folder,
      detached: true,
    })
    const program = await running(job, worker)
    process.kill(-worker.pid, 'SIGINT')
    await stopRequested(worker)
    expect(isAlive(program)).toBe(true)
    open(job)
    expect(await worker.exit(), worker.story).toEqual({ code: 0, signal: null })
    await endedWell(job)
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)(
    'a second %s ends it at once with %i: programs are killed, nothing of them is committed',
    async (name, status) => {
      const job = await gatedJob()
      const worker = stage.worker(job)
      const program = await running(job, worker)
      worker.child.kill(name)
      await stopRequested(worker)
      worker.child.kill(name)
      expect(await worker.exit(), worker.story).toEqual({ code: status, signal: null })
      expect(isAlive(program)).toBe(false)
      expect(await stage.committed(job)).toEqual([0, 0, 0, 0])
    },
  )

  test('a drain that takes too long ends with 73 and gives the message back', async () => {
    const job = await gatedJob({ drain_on_stop_seconds: 0.3 })
    const worker = stage.worker(job)
    const program = await running(job, worker)
    worker.child.kill('SIGTERM')
    expect(await worker.exit(), worker.story).toEqual({ code: 73, signal: null })
    expect(isAlive(program)).toBe(false)
    expect(await stage.committed(job)).toEqual([0, 0, 0, 0])
    const again = stage.worker(job)
    await until(
      () => 'the message runs again',
      async () => (await numbersIn(join(job.folder, 'running'))).length === 2,
    )
    open(job)
    again.child.kill('SIGTERM')
    expect((await again.exit()).code, again.story).toBe(0)
    await endedWell(job)
  })

  const hang = '{ console.log("here"); return new Promise(() => undefined) }'
  const fleet = { startup_align_enabled: true, startup_min_wait_seconds: 60 }
  test.each([
    ['its import hangs', `console.log('here'); setInterval(() => 0, 50); await new Promise(() => 0)`, {}],
    ['onStartup hangs', `export default { onStartup() ${hang}, arrange: () => [] }`, {}],
    ['onReady hangs', `export default { onReady() ${hang}, arrange: () => [] }`, {}],
    ['it joins the group', `export default { onReady() { console.log('here') }, arrange: () => [] }`, {}],
    ['it waits for its fleet', `export default { onStartup() { console.log('here') }, arrange: () => [] }`, fleet],
  ])('SIGTERM during the start, while %s: it ends with 0 and leaves nothing', async (_, handler, kafka) => {
    const job = await stage.job({ handler, config: { sources: { kafka } } })
    const worker = stage.worker(job)
    await until(
      () => worker.story,
      () => worker.stdout.includes('here'),
    )
    const children = childrenNow(worker.pid)
    worker.child.kill('SIGTERM')
    expect(await worker.exit(), worker.story).toEqual({ code: 0, signal: null })
    expect(children).toHaveLength(1)
    expect(children.filter(isAlive)).toEqual([])
  })

  test('a second signal ends it although user code keeps it from stopping', async () => {
    const handler = `export default { arrange: () => [], periodic: { stuck: { everySeconds: 0.01, run() ${hang} } } }`
    const job = await stage.job({ handler })
    const worker = stage.worker(job)
    await until(
      () => worker.story,
      () => worker.stdout.includes('here'),
    )
    worker.child.kill('SIGTERM')
    await stopRequested(worker)
    worker.child.kill('SIGTERM')
    expect(await worker.exit(), worker.story).toEqual({ code: 143, signal: null })
  })
})

const asRoot = process.platform === 'linux' && process.getuid?.() === 0
const namespaces = asRoot && (await finish('unshare', ['--fork', '--pid', '--mount-proc', 'true'])).code === 0
if (!namespaces) console.warn('SKIPPED: the worker as PID 1 needs Linux, root and `unshare`')

describe.concurrent('started by something else', () => {
  test.skipIf(!namespaces)('as PID 1 of a container, SIGTERM stops it as anywhere', async () => {
    const job = await gatedJob()
    const inside = [process.execPath, ...DRAKKAR, 'run', 'handler.mts', '-c', job.config]
    const wrapper = stage.spawn('unshare', ['--fork', '--pid', '--mount-proc', ...inside], { cwd: job.folder })
    await running(job, wrapper)
    expect(await wrapper.line('config_summary')).toMatchObject({ pid: 1 })
    const [worker] = childrenNow(wrapper.pid)
    process.kill(worker as number, 'SIGTERM')
    await stopRequested(wrapper)
    open(job)
    expect(await wrapper.exit(), wrapper.story).toEqual({ code: 0, signal: null })
    await endedWell(job)
  })

  test('by npx, which passes no signal on: when npm is killed, the worker drains and stops by itself', async () => {
    const job = await gatedJob()
    await job.file(
      'package.json',
      JSON.stringify({ name: 'stranger', private: true, scripts: { start: `exec-nothing` } }),
    )
    const command = [process.execPath, ...DRAKKAR, 'run', 'handler.mts', '-c', job.config].join(' ')
    const npm = stage.spawn('npm', ['exec', '--offline', '--yes=false', '-c', command], { cwd: job.folder })
    const program = await running(job, npm)
    const worker = Number((await npm.line('config_summary'))['pid'])
    npm.child.kill('SIGTERM')
    expect(await stopRequested(npm)).toMatchObject({ reason: expect.stringMatching(/npm|SIG/) })
    expect(isAlive(program)).toBe(true)
    open(job)
    await until(
      () => `the end of the worker\n${npm.story}`,
      () => !isAlive(worker),
    )
    await npm.line('drakkar_stopped')
    await endedWell(job)
  })
})

test('from the repository, without a build, the bin passes signals and status on', async () => {
  const job = await gatedJob()
  const bin = join(ROOT, 'bin', 'drakkar.cjs')
  const outer = stage.spawn(process.execPath, [bin, 'run', 'handler.mts', '-c', job.config], { cwd: job.folder })
  await running(job, outer)
  outer.child.kill('SIGTERM')
  await stopRequested(outer)
  open(job)
  expect(await outer.exit(), outer.story).toEqual({ code: 0, signal: null })
  await endedWell(job)
})
