import { cp, mkdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
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
