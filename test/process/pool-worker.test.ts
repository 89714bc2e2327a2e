import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT, Stage, until } from './cli-kit.ts'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
})
afterAll(() => stage[Symbol.asyncDispose]())

test('a worker with a pool: messages through persistent processes, from the configuration alone', async () => {
  const { folder } = stage
  await writeFile(
    join(folder, 'handler.mjs'),
    `import { defineHandler, task } from '${join(ROOT, 'src', 'index.ts')}'
export default defineHandler({
  arrange: (messages) => messages.map((message) => task(message, { stdin: message.payload.name })),
  onTaskComplete: (result) => ({ files: [{ path: 'out.jsonl', data: { name: result.stdout, pid: result.pid } }] }),
})
`,
  )
  await writeFile(
    join(folder, 'pool.yaml'),
    `kafka: { brokers: '${stage.broker.brokers}' }
sources: { kafka: { topic: pooled, consumer_group: pooled, session_timeout_ms: 4000, heartbeat_interval_ms: 200 } }
executor: { runner: pool, max_executors: 4, pool: { binary_path: '${join(ROOT, 'examples/pool-workers/worker.mjs')}', in_flight: 2 } }
metrics: { port: 0 }
sinks: { filesystem: { out: { base_path: '${folder}' } } }
`,
  )
  await Promise.all(['pooled', 'pooled_dlq'].map((topic) => stage.broker.ensureTopic(topic)))
  const names = Array.from({ length: 60 }, (_, at) => `name ${at}`)
  await stage.produce(
    'pooled',
    names.map((name) => ({ name })),
  )
  const run = stage.command(['run', 'handler.mjs', '-c', 'pool.yaml'], { cwd: folder })
  const lines = async (): Promise<string[]> =>
    (await readFile(join(folder, 'out.jsonl'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')
  await until(
    () => run.story,
    async () => (await lines()).length === names.length,
  )
  run.child.kill('SIGTERM')
  expect(await run.exit()).toEqual({ code: 0, signal: null })
  const results = (await lines()).map((line) => JSON.parse(line) as { name: string; pid: number })
  expect(results.map(({ name }) => name).sort()).toEqual(names.map((name) => name.toUpperCase()).sort())
  expect(new Set(results.map(({ pid }) => pid)).size).toBeLessThanOrEqual(2)
  const ended = run.lines.filter(({ event }) => event === 'pool_process_ended')
  expect(ended.map(({ why }) => why)).toEqual(['stop', 'stop'])
})
