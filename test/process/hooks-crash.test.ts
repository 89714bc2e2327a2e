import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { childrenNow, isAlive, Stage, until } from './cli-kit.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

/** Does it at the message whose `n` is 3; the others go through. */
const handlerOf = (hook: string): string => `
  import { defineHandler, task } from 'drakkar'
  import { setTimeout as later } from 'node:timers'
  export default defineHandler({
    arrange: (messages) => messages.map((m) => task(m, { stdin: String(m.payload.n), metadata: m.payload.n })),
    async onTaskComplete(result) {
      if (result.task.metadata === 3) { ${hook} }
      return { files: [{ path: 'out.jsonl', data: result.task.metadata }] }
    },
  })`

const BAD: readonly [what: string, hook: string, says: string][] = [
  ['calls process.exit(0)', 'process.exit(0)', 'process.exit(0) was called'],
  [
    'leaves a rejected promise behind',
    `void Promise.reject(new Error('stray')); await new Promise(() => 0)`,
    'nobody handled it',
  ],
  [
    'throws in a timer of its own',
    `later(() => { throw new Error('stray') }, 1); await new Promise(() => 0)`,
    'outside of any call',
  ],
]

describe.concurrent('user code that goes astray', () => {
  test.each(BAD)(
    'a hook that %s ends the worker with 70, named with its offset; nothing of it is committed',
    async (_, hook, says) => {
      const job = await stage.job({ handler: handlerOf(hook) })
      const worker = stage.worker(job)
      await worker.ready()
      await stage.produce(job.topic, [{ n: 1 }, { n: 2 }], 1)
      await until(
        () => 'the first two are committed',
        async () => (await stage.committed(job))[1] === 2,
      )
      const children = childrenNow(worker.pid)
      await stage.produce(job.topic, [{ n: 3 }], 1)
      expect(await worker.exit(), worker.story).toEqual({ code: 70, signal: null })
      const line = await worker.line('user_code_crashed')
      expect(line).toMatchObject({ level: 'critical', advice: expect.stringContaining('Await every promise') })
      expect(line['error']).toContain(says)
      expect(line['error']).toContain(`on_task_complete of task ${job.topic}:1:2:0 (${job.topic}/1 offset 2)`)
      expect(await stage.committed(job)).toEqual([0, 2, 0, 0])
      expect(new Set(await job.rows('results/out.jsonl'))).toEqual(new Set([1, 2]))
      await until(
        () => 'the end of the launchers',
        () => !children.some(isAlive),
        5_000,
      )
    },
  )

  test('a hook that throws ends nothing: its message goes to the dead letters', async () => {
    const job = await stage.job({
      handler: handlerOf(`throw new Error('mine')`),
      config: { executor: { max_retries: 0 } },
    })
    const worker = stage.worker(job)
    await stage.produce(job.topic, [{ n: 3 }, { n: 4 }], 1)
    await until(
      () => 'both are committed',
      async () => (await stage.committed(job))[1] === 2,
    )
    worker.child.kill('SIGTERM')
    expect((await worker.exit()).code, worker.story).toBe(0)
    expect(await stage.count(`${job.topic}_dlq`)).toBe(1)
    expect(await job.rows('results/out.jsonl')).toEqual([4])
  })

  test('a hook that never gives the event loop back is named, and the process ends with 70', async () => {
    const job = await stage.job({ handler: handlerOf('for (;;);'), config: { hook_stall_seconds: 7 } })
    const worker = stage.worker(job)
    await stage.produce(job.topic, [{ n: 3 }], 1)
    expect(await worker.exit(), worker.story).toEqual({ code: 70, signal: null })
    const [warned, ended] = worker.text
    expect(warned).toContain('on_task_complete')
    expect(warned).toContain(`${job.topic}/1 offset 0`)
    expect(warned).toContain('has blocked the event loop')
    expect(ended).toContain('ending the process')
    expect(await stage.committed(job)).toEqual([0, 0, 0, 0])
  })

  test('a hook that blocks for a while is named and goes on', async () => {
    const hook = 'const end = performance.now() + 6_500; while (performance.now() < end);'
    const job = await stage.job({ handler: handlerOf(hook) })
    const worker = stage.worker(job)
    await stage.produce(job.topic, [{ n: 3 }], 1)
    const line = await worker.line('hook_blocked')
    expect(line).toMatchObject({ level: 'error', hook: 'on_task_complete' })
    expect(line['seconds']).toBeGreaterThanOrEqual(5)
    await until(
      () => 'the message is committed',
      async () => (await stage.committed(job))[1] === 1,
    )
    worker.child.kill('SIGTERM')
    expect((await worker.exit()).code, worker.story).toBe(0)
  })
})
