import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage, until } from './cli-kit.ts'

const HANDLER = `
  import { defineHandler, task } from 'drakkar'
  export default defineHandler({
    arrange: (messages) => messages.map((m) => task(m, { runner: m.payload.program ? 'exec' : undefined, args: ['-n', 'text'] })),
    run: async ({ messages: [message] }, { signal, log }) => {
      const { n, fail, hang } = message.payload
      if (fail) throw new RangeError('no such number')
      if (hang) await new Promise((resolve) => signal.addEventListener('abort', resolve))
      log.info('counted', { n })
      return { twice: 2 * n }
    },
    onTaskComplete: ({ value, stdout }) => ({ files: [{ path: 'out.jsonl', data: value ?? { stdout } }] }),
    onError: ({ verdict, stderr }) => verdict === 'timeout' || /RangeError: no such number/.test(stderr) ? 'dead-letter' : 'retry',
  })`

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

describe.concurrent('a worker whose tasks are functions', () => {
  test('answers, fails and times out by the rules of programs, which it also runs', async () => {
    const job = await stage.job({
      handler: HANDLER,
      config: { executor: { runner: 'function', binary_path: 'echo', task_timeout_seconds: 1 } },
    })
    const worker = stage.worker(job)
    await worker.ready()
    await stage.produce(job.topic, [{ n: 1 }, { n: 2 }, { fail: true }, { hang: true }, { program: true }])
    await until(
      () => `three results and two dead letters\n${worker.story}`,
      async () => (await job.rows('results/out.jsonl')).length === 3 && (await stage.count(`${job.topic}_dlq`)) === 2,
    )
    expect(await job.rows('results/out.jsonl')).toEqual(
      expect.arrayContaining([{ twice: 2 }, { twice: 4 }, { stdout: 'text' }]),
    )
    expect(await worker.line('counted')).toMatchObject({ hook: 'run', topic: job.topic })
    worker.child.kill('SIGTERM')
    expect(await worker.exit(), worker.story).toEqual({ code: 0, signal: null })
  }, 60_000)

  test('does not start with the runner function where there is none', async () => {
    const handler = `export default { arrange: () => [] }`
    const job = await stage.job({ handler, config: { executor: { runner: 'function' } } })
    const worker = stage.worker(job)
    expect(await worker.exit(), worker.story).toEqual({ code: 2, signal: null })
    expect(await worker.line('start_failed')).toMatchObject({
      error: 'executor.runner is function, which is not configured',
      advice: 'Give the handler a `run` hook, or set executor.function.file.',
    })
  }, 60_000)
})
