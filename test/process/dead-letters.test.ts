import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Run, Stage, until } from './cli-kit.ts'

/** Two tasks for each message; the second of every third fails. */
const HALVES = `
  import { defineHandler, task } from 'drakkar'
  export default defineHandler({
    arrange: (messages) => messages.flatMap((m) => ['a', 'b'].map((half) => {
      const bad = half === 'b' && m.payload.n % 3 === 0
      return task(m, {
        args: ['-c', bad ? 'echo no luck >&2; exit 7' : 'exit 0'],
        metadata: { n: m.payload.n, half },
      })
    })),
    onTaskComplete: ({ task }) => ({ files: [{ path: 'out.jsonl', data: task.metadata }] }),
  })`

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

/** As a redrive takes letters: `2-15.json` before `10-1.json`. */
function inOrder(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

async function stopped(run: Run): Promise<void> {
  run.child.kill('SIGTERM')
  expect(await run.exit(), run.story).toEqual({ code: 0, signal: null })
}

async function output(...args: readonly string[]): Promise<string> {
  const run = stage.command(args)
  expect(await run.exit(), run.story).toEqual({ code: 0, signal: null })
  return run.stdout
}

describe.concurrent('dead letters of a whole worker', () => {
  test('delivery: atomic leaves no half; letters in files are read, and put back once', async () => {
    const job = await stage.job({
      handler: HALVES,
      config: {
        delivery: 'atomic',
        executor: { binary_path: 'sh', max_retries: 0 },
        dlq: { type: 'file', path: join(stage.folder, 'letters') },
      },
    })
    const worker = stage.worker(job)
    await worker.ready()
    await stage.produce(
      job.topic,
      Array.from({ length: 30 }, (_, n) => ({ n })),
    )
    const letters = join(stage.folder, 'letters', job.topic)
    await until(
      () => `20 messages and 10 letters\n${worker.story}`,
      async () =>
        (await job.rows('results/out.jsonl')).length >= 40 && (await readdir(letters).catch(() => [])).length >= 10,
    )
    await stopped(worker)
    const rows = (await job.rows('results/out.jsonl')) as { n: number; half: string }[]
    const well = Array.from({ length: 30 }, (_, n) => n).filter((n) => n % 3 !== 0)
    expect(rows.map(({ n, half }) => `${n}${half}`).sort()).toEqual(well.flatMap((n) => [`${n}a`, `${n}b`]).sort())

    const place = ['-c', job.config]
    expect((await output('dlq', 'ls', ...place)).trimEnd().split('\n')).toHaveLength(11)
    expect(await output('dlq', 'stats', ...place)).toMatch(/^10 letters\n[^]*10 {2}━+ {2}exit 7\n/)
    const [first] = (await output('dlq', 'ls', ...place, '--where', 'n=3', '--jsonl')).trimEnd().split('\n')
    const { place: at } = JSON.parse(first ?? '') as { place: { file: string } }
    expect(await output('dlq', 'show', ...place, at.file)).toMatch(/The end of its stderr\n {2}no luck\n/)
    expect(await output('dlq', 'redrive', ...place)).toMatch(
      /10 would go to their own topics\nNothing was sent: add --yes\.\n$/,
    )
    // Nothing can be renamed to a folder that holds something.
    const last = (await readdir(letters)).sort(inOrder).at(-1) ?? ''
    await mkdir(join(letters, `${last}.done`, 'x'), { recursive: true })
    const stuck = stage.command(['dlq', 'redrive', ...place, '--yes'])
    expect(await stuck.exit(), stuck.story).toEqual({ code: 3, signal: null })
    expect(stuck.stdout).toBe('10 went back to their own topics; 1 of them could not be marked as done\n')
    expect(stuck.story).toContain(`${last} went back, but its file could not be named ${last}.done: `)
    await rm(join(letters, `${last}.done`), { recursive: true })
    await rename(join(letters, last), join(letters, `${last}.done`))
    expect(await output('dlq', 'redrive', ...place, '--yes')).toBe('0 went back to their own topics\n')
    expect(await stage.count(job.topic)).toBe(40)
  })

  test('dlq.max_dead: too many letters hold the partitions with a reason, and readiness goes', async () => {
    const job = await stage.job({
      handler: HALVES,
      config: {
        executor: { binary_path: 'sh', max_retries: 0 },
        dlq: { max_dead: '20% / 1h', max_dead_least: 3 },
        metrics: { enabled: true, host: '127.0.0.1', port: 0 },
      },
    })
    const worker = stage.worker(job)
    await worker.ready()
    const address = await worker.address()
    expect((await fetch(`${address}/readyz`)).status).toBe(200)
    await stage.produce(
      job.topic,
      Array.from({ length: 30 }, (_, n) => ({ n })),
    )
    const held = await worker.line('partition_held')
    expect(held).toMatchObject({ reason: 'dead-letter fuse' })
    const answer = await fetch(`${address}/readyz`)
    expect(answer.status).toBe(503)
    expect(await answer.text()).toMatch(
      /dead-letter fuse: \d+ of \d+ messages of the last 3600 s ended as dead letters/,
    )
    await stopped(worker)
  })
})
