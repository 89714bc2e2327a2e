import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { childrenNow, isAlive, ROOT, type Run, Stage, until } from './cli-kit.ts'

const HANDLER = `
  import { defineHandler, task, type Message } from 'drakkar'
  export default defineHandler({
    arrange: (messages: readonly Message[]) => messages.map((m) => task(m, { stdin: JSON.stringify(m.payload) })),
    onTaskComplete: (result) => ({ files: [{ path: 'out.jsonl', data: JSON.parse(result.stdout) }] }),
  })`

const BLOCKING = `
  import { defineHandler } from 'drakkar'
  export default defineHandler({ arrange() { for (;;); } })`

const SQUARE = `
  import type { Task } from 'drakkar'
  export default ({ messages }: Task<{ n: number }>): { square: number } => {
    const n = messages[0]?.payload.n ?? 0
    return { square: n * n }
  }`

const SQUARES = `
  import { defineHandler, task } from 'drakkar'
  export default defineHandler({
    arrange: (messages) => messages.map((m) => task(m)),
    onTaskComplete: ({ value }) => ({ files: [{ path: 'out.jsonl', data: value }] }),
  })`

/** Where the package was installed, next to an empty package.json that does not say "type": "module". */
export function strangersWorker(project: () => string): void {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open()
  }, 60_000)
  afterAll(() => stage[Symbol.asyncDispose]())

  const start = (program: string, args: readonly string[], cwd: string): Run =>
    stage.spawn(program, args, {
      cwd,
      env: { PATH: `${join(ROOT, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}` },
    })

  test.concurrent('runs a stranger’s handler.mts in a CommonJS project: npx drakkar run', async () => {
    const job = await stage.job()
    await writeFile(join(project(), 'handler.mts'), HANDLER)
    const run = start('npx', ['--no-install', 'drakkar', 'run', 'handler.mts', '-c', job.config], project())
    await stage.produce(job.topic, [{ n: 1 }, { n: 2 }, { n: 3 }])
    await until(
      () => `three results\n${run.story}`,
      async () => (await job.rows('results/out.jsonl')).length === 3,
    )
    const worker = Number((await run.line('config_summary'))['pid'])
    const [launcher] = childrenNow(worker)
    expect(launcher).toBeTypeOf('number')
    process.kill(worker, 'SIGTERM')
    expect(await run.exit(), run.story).toEqual({ code: 0, signal: null })
    expect(isAlive(launcher as number)).toBe(false)
    expect(await stage.committed(job)).toEqual([1, 1, 1, 0])
    // Nothing but the log: no warning of Node's about experiments or types.
    expect(run.text.filter((line) => !line.startsWith('npm '))).toEqual([])
  })

  test.concurrent('runs handler.ts in an ESM folder, started as in a container, and watches its hooks', async () => {
    const job = await stage.job({ config: { hook_stall_seconds: 1 } })
    const folder = join(project(), 'esm')
    await mkdir(folder)
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(join(folder, 'handler.ts'), BLOCKING)
    const main = join(project(), 'node_modules/drakkar/dist/cli/main.js')
    const run = start(process.execPath, [main, 'run', 'handler.ts', '-c', job.config], folder)
    await stage.produce(job.topic, [{ n: 1 }])
    expect(await run.exit(), run.story).toEqual({ code: 70, signal: null })
    expect(run.text.join('\n')).toMatch(/arrange .*jobs-.* has blocked the event loop .*: ending the process/)
  })

  test.concurrent('runs a function of the stranger’s in its threads', async () => {
    const job = await stage.job({ config: { executor: { runner: 'function', function: { file: 'square.mts' } } } })
    const folder = join(project(), 'functions')
    await mkdir(folder)
    await writeFile(join(folder, 'square.mts'), SQUARE)
    await writeFile(join(folder, 'handler.mts'), SQUARES)
    const main = join(project(), 'node_modules/drakkar/dist/cli/main.js')
    const run = start(process.execPath, [main, 'run', 'handler.mts', '-c', job.config], folder)
    await stage.produce(job.topic, [{ n: 3 }, { n: 5 }])
    const rows = await until(
      () => `two results\n${run.story}`,
      async () => {
        const found = (await job.rows('results/out.jsonl')) as { square: number }[]
        return found.length === 2 && found
      },
    )
    expect(rows.map(({ square }) => square).toSorted((a, b) => a - b)).toEqual([9, 25])
    run.child.kill('SIGTERM')
    expect(await run.exit(), run.story).toEqual({ code: 0, signal: null })
  })

  test.concurrent('finds nothing wrong with itself: npx drakkar doctor', async () => {
    const job = await stage.job()
    const run = start('npx', ['--no-install', 'drakkar', 'doctor', '-c', job.config], project())
    expect((await run.exit()).code, run.stdout).toBe(0)
    expect(run.stdout).toMatch(/^ok +launcher/m)
  })
}
