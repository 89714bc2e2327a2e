import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { WorkerStatus } from '../../src/ops/control/index.ts'
import { ask } from '../../src/ops/control/index.ts'
import { isAlive, type Job, type Run, Stage, until } from './cli-kit.ts'

/** Each message says what its task does, or what the hook does with it. */
const HANDLER = `
  import { defineHandler, task } from 'drakkar'
  export default defineHandler({
    arrange: async (messages) => {
      if (messages.some((m) => m.payload.hang)) await new Promise((resolve) => setTimeout(resolve, 100_000_000).unref())
      return messages.map((m) => task(m, m.payload.task))
    },
    onTaskComplete: (result) => ({ files: [{ path: 'out.jsonl', data: { offset: result.task.messages[0].offset } }] }),
  })`

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

interface Controlled {
  readonly job: Job
  readonly worker: Run
  readonly env: Readonly<Record<string, string>>
  readonly drakkar: (...args: readonly string[]) => Promise<Run>
  readonly status: () => Promise<WorkerStatus>
}

async function controlled(config: Readonly<Record<string, unknown>> = {}): Promise<Controlled> {
  const job = await stage.job({ handler: HANDLER, config })
  const env = { XDG_RUNTIME_DIR: job.folder }
  const worker = stage.worker(job, { args: ['--worker-id', job.name], env })
  await worker.ready()
  const drakkar = async (...args: readonly string[]): Promise<Run> => {
    const run = stage.command(args, { env })
    await run.exit()
    return run
  }
  const status = async (): Promise<WorkerStatus> => {
    const answer = await ask(join(job.folder, 'drakkar', `${job.name}.sock`), { verb: 'status' }, 10_000)
    if (!('status' in answer)) throw new Error(JSON.stringify(answer))
    return answer.status
  }
  return { job, worker, env, drakkar, status }
}

const whyOf = async (one: Controlled, partition: number): Promise<string> => {
  const { view, whys } = await one.status()
  return whys[view.partitions.findIndex((at) => at.partition === partition)]?.text ?? 'not assigned'
}

/** Waits until the reason of a partition is this. */
const reason = async (one: Controlled, partition: number, says: RegExp): Promise<void> => {
  let last = ''
  await until(
    () => `${says} as the reason of partition ${partition}; last ${last}\n${one.worker.story}`,
    async () => {
      last = await whyOf(one, partition)
      return says.test(last)
    },
  )
}

async function stopped({ worker }: Controlled): Promise<void> {
  worker.child.kill('SIGTERM')
  await worker.exit()
}

const sleeping = { task: { args: ['300'] } }

describe.concurrent('control of a running worker', () => {
  test('names why each partition stands, cancels, and widens the pool', async () => {
    const one = await controlled({
      executor: { binary_path: 'sleep', max_executors: 1, drain_on_stop_seconds: 1, max_retries: 5 },
      standstill_seconds: 1,
    })
    const { job, worker, drakkar } = one
    await stage.produce(job.topic, [sleeping], 0)
    await reason(one, 0, /^head offset 0: task \S+:0:0:0 running \d+ (ms|s) \(pid \d+, slot 0\)$/)
    await stage.produce(job.topic, [sleeping], 1)
    await stage.produce(job.topic, [{ hang: true }], 2)
    await reason(one, 1, /^head offset 0: task \S+:1:0:0 waiting at the gate for .* \(1 of 1 slots busy, 1 waiting\)$/)
    await reason(one, 2, /^head offset 0: arrange has not answered for \d+ (ms|s)$/)
    await reason(one, 3, /^idle: nothing to do$/)
    await worker.line('partition_standstill', ({ partition, why }) => partition === 2 && /arrange/.test(String(why)))

    const shown = await drakkar('status')
    expect(shown.end).toEqual({ code: 0, signal: null })
    expect(shown.stdout).toMatch(new RegExp(`^${job.name}  ready  pid ${worker.pid} · up .* · group ${job.group}`))
    expect(shown.stdout).toContain('1 of 1 slots busy · 1 task waiting')
    expect(shown.stdout).toMatch(/^launchers {2}(native|node) \d+/m)
    expect(shown.stdout).toMatch(/^running task +offset +for +pid +slot +try$/m)

    expect((await drakkar('set', 'max_executors=2')).stdout).toBe('max_executors is 2 now; it was 1\n')
    await reason(one, 1, /running .* \(pid \d+, slot 1\)$/)
    const [run] = (await one.status()).runs
    const cancelled = await drakkar('cancel', String(run?.taskId))
    expect([cancelled.end?.code, cancelled.stdout]).toEqual([
      0,
      `task ${run?.taskId} is being ended; its verdict is \`cancelled\`\n`,
    ])
    await until(
      () => `the end of ${run?.pid}`,
      () => !isAlive(Number(run?.pid)),
    )
    await until(
      () => 'the dead letter of what was cancelled',
      async () => (await stage.count(`${job.topic}_dlq`)) === 1,
    )
    const again = await drakkar('cancel', String(run?.taskId))
    expect([again.end?.code, again.text]).toEqual([1, [`drakkar: there is no task ${run?.taskId} in flight here`]])

    expect((await drakkar('pause', `${job.topic}/3`)).stdout).toMatch(/is paused/)
    await reason(one, 3, /^paused: operator/)
    await stage.produce(job.topic, [{ task: { args: ['0'] } }], 3)
    expect((await drakkar('resume', `${job.topic}/3`)).end?.code).toBe(0)
    await until(
      () => 'the message of the paused partition',
      async () => (await job.rows('results/out.jsonl')).length === 1,
    )
    await worker.line('control_done', ({ verb }) => verb === 'resume')
    const audited = worker.lines.filter(({ event }) => event.startsWith('control_') && event !== 'control_listening')
    expect(audited.map(({ event, verb }) => [event, verb])).toEqual([
      ['control_done', 'set'],
      ['control_done', 'cancel'],
      ['control_refused', 'cancel'],
      ['control_done', 'pause'],
      ['control_done', 'resume'],
    ])
    expect(audited.every(({ by }) => String(by).endsWith('(drakkar command line)'))).toBe(true)
    await stopped(one)
    expect(readdirSync(join(job.folder, 'drakkar'))).toEqual([])
  }, 90_000)

  test('names a missing program, a sink that is away, and bytes; and a task that waits is cancelled', async () => {
    const one = await controlled({
      executor: {
        max_executors: 2,
        max_buffered_bytes: 1_048_576,
        drain_on_stop_seconds: 1,
        task_timeout_seconds: 600,
      },
    })
    const { job, drakkar } = one
    await stage.produce(
      job.topic,
      Array.from({ length: 4 }, () => ({ task: { binary: '/nowhere/solver' } })),
      0,
    )
    await reason(one, 0, /^held: binary: \/nowhere\/solver cannot be started/)
    await rename(join(job.folder, 'results'), join(job.folder, 'away'))
    await stage.produce(job.topic, [{ task: { binary: 'true' } }], 1)
    await reason(one, 1, /^held: sink files:\S+: .*; head offset 0: delivering to files:\S+ for/)
    await rename(join(job.folder, 'away'), join(job.folder, 'results'))
    await reason(one, 1, /^idle/)
    await stage.produce(
      job.topic,
      Array.from({ length: 10 }, () => ({ task: { binary: 'sleep', args: ['300'] }, pad: 'x'.repeat(200_000) })),
      2,
    )
    await reason(
      one,
      2,
      /^head offset 0: task .* running .*; paused: bytes \(executor\.max_buffered_bytes is reached\)$/,
    )
    const waiting = `${job.topic}:2:3:0`
    expect((await drakkar('cancel', waiting)).end?.code).toBe(0)
    await until(
      () => 'the dead letter of the task that waited',
      async () => (await stage.count(`${job.topic}_dlq`)) >= 1,
    )
    await stopped(one)
  }, 90_000)

  test('is private, replaces what a dead worker left, and a bad request does not hurt', async () => {
    const job = await stage.job({ handler: HANDLER })
    const folder = join(job.folder, 'drakkar')
    await mkdir(folder, { mode: 0o700 })
    const left = createServer().listen(join(folder, 'left.sock'))
    await new Promise((resolve) => left.once('listening', resolve))
    // Closing removes the socket; a killed process does not.
    await rename(join(folder, 'left.sock'), join(folder, 'kept.sock'))
    await new Promise((resolve) => left.close(resolve))
    await rename(join(folder, 'kept.sock'), join(folder, `${job.name}.sock`))
    const worker = stage.worker(job, { args: ['--worker-id', job.name], env: { XDG_RUNTIME_DIR: job.folder } })
    await worker.ready()
    const path = join(folder, `${job.name}.sock`)
    expect((await worker.line('control_listening'))['path']).toBe(path)
    expect([statSync(path).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700])
    for (const [bad, says] of [
      ['nonsense', 'with a `verb`'],
      ['[]', 'with a `verb`'],
      [{ verb: 'constructor' }, 'there is no verb "constructor"'],
      [{ verb: 'set', max_executors: -1 }, 'a whole number'],
      [{ verb: 'cancel' }, '`task` must be'],
      [{ verb: 'pause', at: { topic: 'x' } }, '`at` must be'],
      [{ verb: 'pause', at: { topic: 'x', partition: 0 } }, 'x/0 is not assigned'],
      [{ verb: 'cancel', task: 'x'.repeat(100_000) }, 'at most 65536 bytes'],
    ] as const) {
      const answer = await ask(path, bad as never, 10_000)
      expect(answer, JSON.stringify(bad).slice(0, 50)).toMatchObject({ ok: false, why: expect.stringContaining(says) })
    }
    expect(await ask(path, { verb: 'status' }, 10_000)).toMatchObject({ ok: true })
    worker.child.kill('SIGTERM')
    await worker.exit()
    expect(existsSync(path)).toBe(false)
  }, 60_000)

  test('asks which worker is meant where there are several, and says where there is none', async () => {
    const job = await stage.job({ handler: HANDLER })
    const env = { XDG_RUNTIME_DIR: job.folder }
    const none = stage.command(['status'], { env })
    expect(await none.exit()).toEqual({ code: 3, signal: null })
    expect(none.text[0]).toMatch(/^drakkar: no worker of this user answers in /)
    const workers = ['ada', 'bo'].map((name) => stage.worker(job, { args: ['--worker-id', name], env }))
    await Promise.all(workers.map((worker) => worker.line('control_listening')))
    const which = stage.command(['status'], { env })
    expect(await which.exit()).toEqual({ code: 2, signal: null })
    expect(which.text.join('\n')).toMatch(
      /there are 2 workers: which one\?\n.*\n +ada +\(pid \d+, .*ada\.sock\)\n +bo /,
    )
    const bo = stage.command(['status', '-w', 'bo'], { env })
    expect(await bo.exit()).toEqual({ code: 0, signal: null })
    expect(bo.stdout).toMatch(/^bo {2}/)
    for (const worker of workers) worker.child.kill('SIGKILL')
    await Promise.all(workers.map((worker) => worker.ended))
  }, 60_000)

  test('a folder that others can reach is not used, and the worker works without', async () => {
    const job = await stage.job({ handler: HANDLER })
    await mkdir(join(job.folder, 'drakkar'), { mode: 0o755 })
    await writeFile(join(job.folder, 'drakkar', 'x'), '')
    const worker = stage.worker(job, { env: { XDG_RUNTIME_DIR: job.folder } })
    await worker.ready()
    expect((await worker.line('control_unavailable'))['error']).toMatch(/is not a folder that only this user can enter/)
    worker.child.kill('SIGTERM')
    expect(await worker.exit()).toEqual({ code: 0, signal: null })
    await rm(join(job.folder, 'drakkar'), { recursive: true })
  }, 60_000)
})

test('says that no broker answers, in a status that still comes', async () => {
  // With a short session the partitions would be given up as lost before anybody has looked.
  const one = await controlled({ sources: { kafka: { session_timeout_ms: 30_000 } } })
  await reason(one, 0, /^idle/)
  await stage.broker.stop()
  await reason(one, 0, /^no answer from the brokers for \d+ s/)
  one.worker.child.kill('SIGKILL')
  await one.worker.ended
}, 60_000)
