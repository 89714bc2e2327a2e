import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage, until } from './cli-kit.ts'

/** Each task says in its scratch folder and in a large output what it was given; the hook reads both. */
const CURIOUS = `
  import { existsSync, readFileSync, writeFileSync } from 'node:fs'
  import { defineHandler, task } from 'drakkar'
  export default defineHandler({
    arrange: (messages) => {
      const input = new URL('input.txt', import.meta.url).pathname
      writeFileSync(input, 'from a file')
      return messages.map((m) =>
        task(m, {
          binary: '/bin/sh',
          args: ['-c', 'cat > copy; umask > umask; head -c 20000 /dev/zero | tr "\\\\0" x; exit ' + m.payload.code],
          stdin: { file: input },
          scratch: true,
          onOutputCap: 'spill',
          maxStdoutBytes: 100,
        }),
      )
    },
    onTaskComplete: (result) => ({
      files: [{
        path: 'out.jsonl',
        data: {
          copy: readFileSync(result.scratch + '/copy', 'utf8'),
          umask: readFileSync(result.scratch + '/umask', 'utf8').trim(),
          size: result.stdoutFile.bytes,
          whole: readFileSync(result.stdoutFile.path, 'utf8') === 'x'.repeat(20000),
          kept: result.stdout.length,
        },
      }],
    }),
    onError: (failure) => (existsSync(failure.result.scratch + '/copy') ? 'dead-letter' : 'skip'),
  })`

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
}, 60_000)
afterAll(() => stage[Symbol.asyncDispose]())

describe('drakkar run, with tasks that ask for much', () => {
  test('gives them their files and folders, the hooks too, and leaves none of them', async () => {
    const job = await stage.job({ handler: CURIOUS })
    const folder = join(job.folder, 'f')
    await mkdir(folder)
    const worker = stage.worker(job, {
      env: { DRAKKAR_EXECUTOR__SCRATCH_DIR: folder, DRAKKAR_EXECUTOR__UMASK: '027' },
    })
    await worker.ready()
    await stage.produce(job.topic, [{ code: 0 }, { code: 3 }, { code: 0 }])
    const rows = await until(
      () => `two results of ${job.name}: ${worker.story}`,
      async () => {
        const found = await job.rows('results/out.jsonl')
        return found.length === 2 && found
      },
    )
    const expected = { copy: 'from a file', umask: '0027', size: 20_000, whole: true, kept: 100 }
    expect(rows).toEqual([expected, expected])
    await until(
      () => `the dead letter of ${job.name}: ${worker.story}`,
      async () => (await stage.count(`${job.topic}_dlq`)) === 1,
    )
    const [own = ''] = await readdir(folder)
    await until(
      () => 'files of tasks that have settled are gone',
      async () => (await readdir(join(folder, own))).join() === 'alive',
    )
    worker.child.kill('SIGTERM')
    expect(await worker.exit(), worker.story).toEqual({ code: 0, signal: null })
    expect(await readdir(folder)).toEqual([])
  })

  test('after a SIGKILL the next worker removes what was left', async () => {
    const job = await stage.job({ handler: CURIOUS.replace('; exit', '; sleep 600; exit') })
    const folder = join(job.folder, 'f')
    await mkdir(folder)
    const options = { env: { DRAKKAR_EXECUTOR__SCRATCH_DIR: folder } }
    const first = stage.worker(job, options)
    await first.ready()
    await stage.produce(job.topic, [{ code: 0 }])
    const left = await until(
      () => `a scratch folder: ${first.story}`,
      async () => {
        const [own] = await readdir(folder)
        return own !== undefined && (await readdir(join(folder, own))).length > 1 && own
      },
    )
    first.child.kill('SIGKILL')
    await first.exit()
    expect(await readdir(folder)).toContain(left)
    const second = stage.worker(job, options)
    await second.ready()
    await until(
      () => `the folder of the first is gone: ${second.story}`,
      async () => !(await readdir(folder)).includes(left),
    )
    second.child.kill('SIGKILL')
    await second.exit()
  })
})
