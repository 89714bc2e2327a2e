import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { ThreadRunner, type ThreadRunnerOptions } from '../../src/flow/executor/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import type { Message, Outcome, Task } from '../../src/model/index.ts'

const FILE = fileURLToPath(new URL('../programs/functions/every-end.ts', import.meta.url))
const runners: ThreadRunner[] = []

afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop()
})

async function threads(over: Partial<ThreadRunnerOptions> = {}): Promise<ThreadRunner> {
  const runner = new ThreadRunner({
    file: FILE,
    threads: 1,
    maxHeapMb: 0,
    clock: systemClock,
    timeoutMs: 30_000,
    noProgressMs: 0,
    maxStdoutBytes: 1_000,
    maxStderrBytes: 0,
    onOutputCap: 'fail',
    ...over,
  })
  runners.push(runner)
  await runner.start()
  return runner
}

const taskOf = (end: string, over: Partial<Task> = {}): Task => ({
  id: end,
  messages: [],
  args: [],
  env: {},
  metadata: { end },
  labels: {},
  ...over,
})

const never = new AbortController().signal
const run = (runner: ThreadRunner, end: string, over: Partial<Task> = {}): Promise<Outcome> =>
  runner.run(taskOf(end, over), never)

describe('functions in threads', () => {
  it('answers text, bytes and values, and gets what the task carries', async () => {
    const runner = await threads()
    const object = await run(runner, 'object', { args: ['-a'], stdin: Buffer.from('in') })
    expect(object).toMatchObject({ verdict: 'ok', exitCode: 0, value: { args: ['-a'], text: 'in' } })
    expect(object.stdout.toString()).toBe('{"args":["-a"],"text":"in"}')
    expect(await run(runner, 'hello')).toMatchObject({ verdict: 'ok', value: 'hello' })
    expect((await run(runner, 'bytes')).stdout).toEqual(Buffer.from([0, 255]))
    const shared = Buffer.concat([Buffer.from('{"n":1}'), Buffer.alloc(100_000)])
    const message: Message = {
      topic: 'jobs',
      partition: 0,
      offset: 4,
      key: null,
      value: shared.subarray(0, 7),
      timestamp: null,
      headers: [],
      payload: { n: 1 },
      label: '0:4',
    }
    const payload = await run(runner, 'payload', { messages: [message] })
    expect(payload.value).toEqual([{ offset: 4, payload: { n: 1 }, bytes: 7 }])
    expect(message.value).toHaveLength(7)
  })

  it('gives every end its verdict and goes on with another thread', async () => {
    const runner = await threads({ maxHeapMb: 48 })
    const thrown = await run(runner, 'throw')
    expect(thrown).toMatchObject({ verdict: 'exit', exitCode: 1 })
    expect(thrown.stderr.toString()).toMatch(/^TypeError: no such thing\n +at .*every-end\.ts/)
    expect(await run(runner, 'bigint')).toMatchObject({ verdict: 'protocol' })
    expect(await run(runner, 'exit')).toMatchObject({ verdict: 'exit', exitCode: 7 })
    expect(await run(runner, 'memory')).toMatchObject({ verdict: 'oom', exitCode: null })
    const stray = await run(runner, 'stray')
    expect(stray).toMatchObject({ verdict: 'exit', exitCode: 1 })
    expect(stray.stderr.toString()).toContain('thrown by a timer')
    expect(await run(runner, 'spin', { timeoutMs: 300 })).toMatchObject({ verdict: 'timeout' })
    expect(await run(runner, 'still here')).toMatchObject({ verdict: 'ok', value: 'still here' })
  }, 60_000)

  it('ends a thread that says nothing, not one that reports progress; and one that is cancelled', async () => {
    const runner = await threads({ noProgressMs: 700 })
    expect(await run(runner, 'spin')).toMatchObject({ verdict: 'no-progress' })
    expect(await run(runner, 'progress')).toMatchObject({ verdict: 'ok', value: 'done' })
    const abort = new AbortController()
    const cancelled = runner.run(taskOf('spin'), abort.signal, () => abort.abort())
    expect(await cancelled).toMatchObject({ verdict: 'cancelled' })
  }, 60_000)

  it('waits for a free thread without using up the time of the task', async () => {
    const runner = await threads()
    const outcomes = await Promise.all([
      run(runner, 'progress'),
      run(runner, 'progress', { timeoutMs: 2_900 }),
      run(runner, 'third', { timeoutMs: 2_900 }),
    ])
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok'])
  }, 60_000)

  it('cancels a run that waits for a thread without waiting for it', async () => {
    const runner = await threads()
    const busy = new AbortController()
    const first = runner.run(taskOf('spin'), busy.signal)
    const waits = new AbortController()
    const second = runner.run(taskOf('never'), waits.signal)
    waits.abort()
    expect(await second).toMatchObject({ verdict: 'cancelled' })
    busy.abort()
    expect(await first).toMatchObject({ verdict: 'cancelled' })
    expect(await run(runner, 'next')).toMatchObject({ verdict: 'ok' })
  }, 60_000)

  it('refuses what cannot be sent to a thread as the fault of the task', async () => {
    const runner = await threads()
    const outcome = await run(runner, 'x', { metadata: { end: 'x', close: () => undefined } })
    expect(outcome).toMatchObject({ verdict: 'launch-failed', errno: 'EINVAL' })
    expect(outcome.message).toMatch(
      /^The task cannot be sent to a thread: .*Payload and metadata must be plain data\.$/,
    )
    expect(await run(runner, 'next')).toMatchObject({ verdict: 'ok' })
  })

  it('grows when tasks need it, and lets what runs end before it shrinks', async () => {
    const runner = await threads({ threads: 2, followsSlots: true })
    const size = (): unknown[] => runner.kept().map(({ live, leaving, most }) => [live, leaving, most])
    const hold = (gate: Int32Array<SharedArrayBuffer>): { outcome: Promise<Outcome>; started: Promise<void> } => {
      const started = Promise.withResolvers<void>()
      const task = taskOf('held', { metadata: { end: 'held', gate } })
      return { outcome: runner.run(task, never, () => started.resolve()), started: started.promise }
    }
    const gate = new Int32Array(new SharedArrayBuffer(4))
    expect(size()).toEqual([[2, 0, 2]])
    const held = [hold(gate), hold(gate), hold(gate)]
    runner.setSlots(4)
    // The third was waiting; nobody needs a fourth.
    expect(size()).toEqual([[3, 0, 4]])
    held.push(hold(gate))
    await Promise.all(held.map(({ started }) => started))
    expect(size()).toEqual([[4, 0, 4]])
    runner.setSlots(1)
    expect(size()).toEqual([[1, 3, 1]])
    const late = hold(gate)
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
    const outcomes = await Promise.all(held.map(({ outcome }) => outcome))
    const ids = outcomes.map(({ value }) => value)
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(new Set(ids).size).toBe(4)
    expect(ids).toContain((await late.outcome).value)
    expect(size()).toEqual([[1, 0, 1]])
  }, 60_000)

  it('keeps the number of threads that is configured', async () => {
    const runner = await threads({ threads: 2 })
    runner.setSlots(8)
    expect(runner.kept()).toEqual([
      { runner: 'function', what: 'threads', live: 2, leaving: 0, most: 2, configured: true },
    ])
  })

  it.each([
    ['/nowhere/at-all.ts', /cannot be used: Cannot find module/],
    [fileURLToPath(new URL('../../src/lib/clock.ts', import.meta.url)), /its default export is missing/],
  ])('says at the start that %s is no function', async (file, says) => {
    await expect(threads({ file })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(says),
    })
  })
})
