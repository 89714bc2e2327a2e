import { describe, expect, it } from 'vitest'
import type { Task, WorkerEvent } from '../../../model/index.ts'
import { virtualClock } from '../../../testing/index.ts'
import { FunctionRunner, type FunctionRunnerOptions } from './in-process.ts'

const taskOf = (over: Partial<Task> = {}): Task => ({
  id: 't',
  messages: [],
  args: [],
  env: {},
  metadata: undefined,
  labels: {},
  ...over,
})

function world(call: FunctionRunnerOptions['call'], over: Partial<FunctionRunnerOptions> = {}) {
  const clock = virtualClock()
  const events: WorkerEvent[] = []
  const runner = new FunctionRunner({
    call,
    clock,
    announce: (event) => events.push(event),
    timeoutMs: 10_000,
    graceMs: 5_000,
    noProgressMs: 0,
    maxStdoutBytes: 100,
    maxStderrBytes: 60,
    onOutputCap: 'fail',
    ...over,
  })
  const abort = new AbortController()
  return { clock, events, abort, run: (task = taskOf()) => clock.runUntil(runner.run(task, abort.signal)), runner }
}

const untilAborted = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve('late answer')))

describe('a function as a task', () => {
  it.each([
    ['text', 'grüße', 'grüße', 'grüße'],
    ['bytes', new Uint8Array([104, 105]), 'hi', new Uint8Array([104, 105])],
    ['an object', { n: 1, list: ['a'] }, '{"n":1,"list":["a"]}', { n: 1, list: ['a'] }],
    ['null', null, 'null', null],
    ['nothing', undefined, '', undefined],
  ])('answers %s', async (_what, answer, stdout, value) => {
    const one = world(async () => answer)
    const outcome = await one.run()
    expect(outcome).toMatchObject({ verdict: 'ok', exitCode: 0, pid: null })
    expect(outcome.stdout.toString()).toBe(stdout)
    expect(outcome.value).toEqual(value)
    expect(one.clock.scheduled).toBe(0)
  })

  it('may answer at once', async () => {
    expect(await world(() => 'now').run()).toMatchObject({ verdict: 'ok', value: 'now' })
  })

  it('is exit code 1 with its stack where it throws, at once or later', async () => {
    for (const call of [
      () => {
        throw new Error('no such row')
      },
      () => Promise.reject(new Error('no such row')),
    ]) {
      const outcome = await world(call, { maxStderrBytes: 0 }).run()
      expect(outcome).toMatchObject({
        verdict: 'exit',
        exitCode: 1,
        message: 'The function threw: Error: no such row',
      })
      expect(outcome.stderr.toString()).toMatch(/^Error: no such row\n +at .*in-process\.test\.ts/)
    }
    const cut = await world(() => Promise.reject(new Error('no such row'))).run()
    expect([cut.stderr.length <= 60, cut.stderrTruncated]).toEqual([true, true])
  })

  it.each([
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a ring', ring()],
  ])('is `protocol` where it answers %s', async (_what, answer) => {
    const outcome = await world(() => answer).run()
    expect(outcome.verdict).toBe('protocol')
    expect(outcome.message).toMatch(/^The function answered .*; it may answer text, bytes, or anything that is JSON\.$/)
  })

  it('fails or is cut where it answers too much', async () => {
    expect(await world(() => 'é'.repeat(51)).run()).toMatchObject({ verdict: 'output-cap', stdoutTruncated: true })
    const cut = await world(() => `x${'é'.repeat(51)}`, { onOutputCap: 'truncate' }).run()
    expect(cut).toMatchObject({ verdict: 'ok', stdoutTruncated: true })
    expect(cut.stdout.toString()).toBe(`x${'é'.repeat(49)}`)
  })

  it('aborts its signal at the time-out; what it answers then counts for nothing', async () => {
    const one = world((_task, signal) => untilAborted(signal))
    const outcome = await one.run()
    expect(outcome).toMatchObject({
      verdict: 'timeout',
      wallMs: 10_000,
      message: 'The function ran longer than 10 s and was ended.',
    })
    expect(outcome.stdout).toHaveLength(0)
    expect(one.events).toEqual([])
  })

  it('is given up and announced where it ignores its signal, and answers once', async () => {
    let answer = (_value: string): void => undefined
    const one = world(() => new Promise<string>((resolve) => (answer = resolve)), { timeoutMs: 3_000 })
    const outcome = await one.run(taskOf({ timeoutMs: 2_000 }))
    expect(outcome).toMatchObject({ verdict: 'timeout', wallMs: 7_000 })
    expect(outcome.message).toContain('ignored its signal for 5 s and was given up')
    expect(one.events).toMatchObject([{ type: 'function_abandoned', afterMs: 7_000 }])
    answer('much too late')
    await one.clock.runUntilIdle()
    expect(outcome.stdout).toHaveLength(0)
  })

  it('takes grace and caps of its task over those of the configuration', async () => {
    const silent = world(() => new Promise(() => undefined), { timeoutMs: 1_000 })
    expect(await silent.run(taskOf({ graceMs: 200 }))).toMatchObject({ verdict: 'timeout', wallMs: 1_200 })
    const cut = await world(() => 'abcdef').run(taskOf({ maxStdoutBytes: 3, onOutputCap: 'truncate' }))
    expect([cut.verdict, cut.stdout.toString()]).toEqual(['ok', 'abc'])
    expect(await world(() => 'abcdef').run(taskOf({ maxStdoutBytes: 3, onOutputCap: 'spill' }))).toMatchObject({
      verdict: 'output-cap',
    })
  })

  it('is ended on request, also before it began', async () => {
    const one = world((_task, signal) => untilAborted(signal))
    const running = one.runner.run(taskOf(), one.abort.signal)
    one.abort.abort()
    expect(await one.clock.runUntil(running)).toMatchObject({ verdict: 'cancelled' })
    let called = false
    const never = world(() => {
      called = true
    })
    never.abort.abort()
    expect(await never.run()).toMatchObject({ verdict: 'cancelled' })
    expect(called).toBe(false)
  })

  it('is ended where it says nothing for too long, not while it reports progress', async () => {
    const quiet = world((_task, signal) => untilAborted(signal), { noProgressMs: 1_000 })
    expect(await quiet.run()).toMatchObject({ verdict: 'no-progress', wallMs: 1_000 })
    const busy = world(
      async (_task, _signal, progress) => {
        for (let step = 0; step < 5; step += 1) {
          await new Promise<void>((resolve) => busy.clock.timer(900, resolve))
          progress()
        }
        return 'done'
      },
      { noProgressMs: 1_000 },
    )
    expect(await busy.run()).toMatchObject({ verdict: 'ok', value: 'done', wallMs: 4_500 })
  })

  it('ends what runs at a stop', async () => {
    const one = world((_task, signal) => untilAborted(signal))
    const running = one.runner.run(taskOf(), one.abort.signal)
    await one.runner.stop()
    expect(await one.clock.runUntil(running)).toMatchObject({ verdict: 'cancelled' })
  })
})

function ring(): object {
  const one: { self?: object } = {}
  one.self = one
  return one
}
