import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT, Stage, until } from './cli-kit.ts'

let stage: Stage

beforeAll(async () => {
  stage = await Stage.open()
})

afterAll(() => stage[Symbol.asyncDispose]())

test('hello greets whoever is named, as its README says', async () => {
  const folder = join(stage.folder, 'hello')
  await cp(join(ROOT, 'examples', 'hello'), folder, { recursive: true })
  await mkdir(join(folder, 'node_modules'))
  await symlink(ROOT, join(folder, 'node_modules', 'drakkar'))
  await symlink(join(ROOT, 'node_modules', 'zod'), join(folder, 'node_modules', 'zod'))
  await Promise.all(['names', 'names_dlq'].map((topic) => stage.broker.ensureTopic(topic)))
  await stage.produce('names', [{ name: 'Ada' }, { name: 'Grace' }, { nick: 'Bob' }])
  const run = stage.command(['run', 'handler.ts', '-c', 'drakkar.yaml'], {
    cwd: folder,
    env: {
      DRAKKAR_KAFKA__BROKERS: stage.broker.brokers,
      DRAKKAR_METRICS__PORT: '0',
      DRAKKAR_SOURCES__KAFKA__SESSION_TIMEOUT_MS: '4000',
      DRAKKAR_SOURCES__KAFKA__HEARTBEAT_INTERVAL_MS: '200',
    },
  })
  const greetings = (): Promise<string> => readFile(join(folder, 'greetings.jsonl'), 'utf8').catch(() => '')
  await until(
    () => run.story,
    async () => (await greetings()).split('\n').length === 3 && (await stage.count('names_dlq')) === 1,
  )
  run.child.kill('SIGTERM')
  expect(await run.exit()).toEqual({ code: 0, signal: null })
  const lines = (await greetings()).trimEnd().split('\n')
  expect(lines.sort()).toEqual(['{"greeting":"Hello, Ada!"}', '{"greeting":"Hello, Grace!"}'])
})

test('a sink of one’s own: greetings in a SQLite table, through the whole worker', async () => {
  const folder = join(stage.folder, 'own-sink')
  await cp(join(ROOT, 'examples', 'hello'), folder, { recursive: true })
  await mkdir(join(folder, 'node_modules'))
  await symlink(ROOT, join(folder, 'node_modules', 'drakkar'))
  await symlink(join(ROOT, 'node_modules', 'zod'), join(folder, 'node_modules', 'zod'))
  await writeFile(
    join(folder, 'handler.mjs'),
    `import { defineHandler, task } from 'drakkar'
export default defineHandler({
  arrange: (messages) => messages.map((message) => task(message, { stdin: message.payload.name })),
  onTaskComplete: (result) => ({ custom: [{ data: { greeting: 'Hello, ' + result.stdout } }] }),
})
`,
  )
  await writeFile(
    join(folder, 'own.yaml'),
    `kafka: { brokers: '${stage.broker.brokers}' }
sources: { kafka: { topic: own, consumer_group: own, session_timeout_ms: 4000, heartbeat_interval_ms: 200 } }
executor: { binary_path: cat }
metrics: { port: 0 }
sinks: { custom: { sqlite: { main: { module: ./sqlite-sink.ts, path: greetings.db } } } }
`,
  )
  await Promise.all(['own', 'own_dlq'].map((topic) => stage.broker.ensureTopic(topic)))
  await stage.produce('own', [{ name: 'Ada' }, { name: 'Grace' }])
  const run = stage.command(['run', 'handler.mjs', '-c', 'own.yaml'], { cwd: folder })
  await run.ready()
  const rows = (): unknown[] => {
    using database = new DatabaseSync(join(folder, 'greetings.db'), { timeout: 5000 })
    return database.prepare('SELECT id, json FROM rows ORDER BY json').all()
  }
  await until(
    () => run.story,
    () => rows().length === 2,
  )
  run.child.kill('SIGTERM')
  expect(await run.exit()).toEqual({ code: 0, signal: null })
  expect(rows()).toEqual([
    { id: expect.stringMatching(/^own:\d+:0:0\/custom:main\/0$/) as string, json: '{"greeting":"Hello, Ada"}' },
    { id: expect.stringMatching(/^own:\d+:\d:0\/custom:main\/0$/) as string, json: '{"greeting":"Hello, Grace"}' },
  ])
})
