import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createExecutor } from '../../src/flow/executor/index.ts'
import { systemClock, systemRandom } from '../../src/lib/index.ts'
import type { Assignment } from '../../src/model/index.ts'
import { markedProcesses, taskOf, until } from './launcher-kit.ts'
import { exampleWorkers } from './pool-examples.ts'
import { EXAMPLES, FAULTY, poolBench, textOf } from './pool-kit.ts'

const never = { afterTasks: 0, afterMs: 0, maxRssBytes: 0, idleMs: 0 }

/** A script for Node that is there for one test. */
function script(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'pool-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'worker.mjs')
  writeFileSync(file, source)
  return file
}

/** A worker whose `task` may await, and has `say`, `id` and `stdin`. */
const worker = (task: string, setup = ''): string => `
import { createInterface } from 'node:readline'
const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\\n')
${setup}
const work = async ({ id, stdin = '', args }) => { ${task} }
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  if (request.op === 'bye') process.exit(0)
  if (request.op === 'ping') say({ op: 'pong', id: request.id, cancel: globalThis.takesCancel === true })
  if (request.op === 'task') void work(request)
  if (request.op === 'cancel') globalThis.cancelled?.(request.id)
}`

describe('a pool', () => {
  for (const { name, program, protocol, missing, answer, concurrent } of exampleWorkers) {
    it.skipIf(missing !== null)(`runs the example in ${name}${missing === null ? '' : ` (${missing})`}`, async () => {
      const inFlight = concurrent ? 4 : 1
      await using one = await poolBench({ program: program(), args: [], protocol, processes: 2, inFlight })
      const outcomes = await Promise.all(Array.from({ length: 40 }, () => one.run('hello')))
      expect(outcomes.map(({ verdict }) => verdict)).toEqual(outcomes.map(() => 'ok'))
      for (const outcome of outcomes) expect(textOf(outcome)).toMatch(answer)
      expect(outcomes[0]).toMatchObject({ exitCode: 0, program: { path: program() } })
      await one.pool.stop()
      expect(one.gone().map(({ why, fault }) => [why, fault])).toEqual([
        ['stop', false],
        ['stop', false],
      ])
      expect(markedProcesses(one.bench.mark)).toEqual([])
    })
  }

  it('gives arguments, environment, folder and bytes that are no text to the task, and takes such bytes back', async () => {
    const file = script(
      worker(`say({ id, stdout_base64: Buffer.from(JSON.stringify(request0)).toString('base64') })`).replace(
        "if (request.op === 'task') void work(request)",
        "if (request.op === 'task') { globalThis.request0 = request; void work(request) }",
      ),
    )
    await using one = await poolBench({ args: [file] })
    const { pool } = one
    const task = { id: 't:0', messages: [], args: ['a b', 'ü'], env: { A: '1' }, cwd: '/tmp', metadata: 0, labels: {} }
    const outcome = await pool.run({ ...task, stdin: Buffer.from([0xff, 0x00]) }, new AbortController().signal)
    expect(JSON.parse(textOf(outcome))).toMatchObject({
      task: 't:0',
      args: ['a b', 'ü'],
      env: { A: '1' },
      cwd: '/tmp',
      stdin_base64: '/wA=',
    })
  })

  it('reports a failure with its class, code and words', async () => {
    const file = script(
      worker(
        `say({ id, op: 'fail', class: 'bad-input', retryable: false, message: 'no such user', exit_code: 9, stderr: 'why' })`,
      ),
    )
    await using one = await poolBench({ args: [file] })
    const outcome = await one.run('x')
    expect(outcome).toMatchObject({ verdict: 'exit', exitCode: 9, failure: { class: 'bad-input', retryable: false } })
    expect(outcome.message).toContain('bad-input: no such user')
    expect(outcome.stderr.toString()).toBe('why')
  })

  it('keeps partial results, also of a task that fails', async () => {
    const file = script(
      worker(
        `for (const index of [1, 0]) say({ id, op: 'partial', index, stdout: 'part ' + index }); say({ id, op: stdin || 'ok' })`,
      ),
    )
    await using one = await poolBench({ args: [file] })
    const parts = [
      { index: 1, stdout: Buffer.from('part 1') },
      { index: 0, stdout: Buffer.from('part 0') },
    ]
    expect(await one.run('')).toMatchObject({ verdict: 'ok', partials: parts })
    expect(await one.run('fail')).toMatchObject({ verdict: 'exit', partials: parts })
  })

  it('ends a task that says nothing, not one that says progress', async () => {
    const file = script(
      worker(
        `for (let n = 0; n < 8; n += 1) { await new Promise((r) => setTimeout(r, 100)); say({ id, op: 'progress' }) }; say({ id, stdout: 'done' })`,
      ),
    )
    await using one = await poolBench({ args: [file], noProgressMs: 500 })
    expect(textOf(await one.run('x'))).toBe('done')
  })

  it('caps what a task answers: fails it, or cuts it, and keeps the process', async () => {
    await using one = await poolBench({ maxStdoutBytes: 4 })
    expect(await one.run('12345')).toMatchObject({
      verdict: 'output-cap',
      stdoutTruncated: true,
      stdout: Buffer.from('1234'),
    })
    expect(await one.run('abcde', { onOutputCap: 'truncate' })).toMatchObject({
      verdict: 'ok',
      stdout: Buffer.from('ABCD'),
    })
    expect(one.gone()).toEqual([])
  })

  it('runs the others again in another process where one task had to be ended', async () => {
    const file = script(
      worker(
        `if (stdin === 'hang') return; await new Promise((r) => setTimeout(r, 1000)); say({ id, stdout: String(process.pid) })`,
      ),
    )
    await using one = await poolBench({ args: [file], inFlight: 3, graceMs: 200 })
    const [hung, ...others] = await Promise.all([one.run('hang', { timeoutMs: 300 }), one.run('a'), one.run('b')])
    expect(hung?.verdict).toBe('timeout')
    expect(others.map(({ verdict }) => verdict)).toEqual(['ok', 'ok'])
    for (const other of others) expect(other.pid).not.toBe(hung?.pid)
    expect(one.gone()).toMatchObject([{ why: 'task', fault: false, inFlight: 3 }])
  })

  it('finds the one that ends its process among several, by running each alone', async () => {
    const file = script(
      worker(`
        if (stdin === 'dies') setTimeout(() => { process.stderr.write('no more memory'); process.exitCode = 7; process.stdin.destroy(); globalThis.dead = true }, 50)
        else setTimeout(() => globalThis.dead || say({ id, stdout: stdin }), 300)`),
    )
    await using one = await poolBench({ args: [file], inFlight: 4 })
    const outcomes = await Promise.all(['a', 'dies', 'b', 'c'].map((stdin) => one.run(stdin)))
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['ok', 'exit', 'ok', 'ok'])
    expect(outcomes[1]).toMatchObject({ exitCode: 7, stderr: Buffer.from('no more memory') })
    expect(one.gone().map(({ inFlight }) => inFlight)).toEqual([4, 1])
  })

  it('hears what a process said right before its end', async () => {
    const loop = `while read -r line; do case $line in *ping*) echo '{}';; *) echo '{"stdout":"last"}'; exit 0;; esac; done`
    await using one = await poolBench({ program: '/bin/sh', args: ['-c', loop], processes: 4 })
    const outcomes = await Promise.all(Array.from({ length: 60 }, () => one.run('x')))
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(outcomes.map(() => 'ok'))
  })

  it('cancels by request where the program takes that, and else by ending the process', async () => {
    const setup = `globalThis.takesCancel = process.argv[2] === 'yes'; globalThis.cancelled = (id) => say({ id, stdout: 'stopped' })`
    const file = script(worker('', setup))
    for (const [takes, gone] of [
      ['yes', 0],
      ['no', 1],
    ] as const) {
      await using one = await poolBench({ args: [file, takes], graceMs: 2_000 })
      const abort = new AbortController()
      const begun = Promise.withResolvers<void>()
      const running = one.pool.run(
        { id: 'c', messages: [], args: [], env: {}, metadata: 0, labels: {} },
        abort.signal,
        () => begun.resolve(),
      )
      await begun.promise
      abort.abort()
      expect(await running).toMatchObject({ verdict: 'cancelled' })
      expect(one.gone().length).toBe(gone)
    }
  })

  it('gives a process so many tasks and no more, with the next one at hand', async () => {
    await using one = await poolBench({ recycle: { ...never, afterTasks: 10 } })
    const pids: (number | null)[] = []
    for (let task = 0; task < 35; task += 1) pids.push((await one.run('x')).pid)
    for (const pid of new Set(pids)) expect(pids.filter((other) => other === pid).length).toBeLessThanOrEqual(10)
    await until('three have gone', () => one.gone().length >= 3)
    expect(one.gone().slice(0, 3)).toMatchObject([0, 1, 2].map(() => ({ why: 'tasks', tasks: 10, fault: false })))
  })

  it('replaces processes by age, by memory, and ends idle ones', async () => {
    for (const [why, recycle] of [
      ['age', { ...never, afterMs: 200 }],
      ['memory', { ...never, maxRssBytes: 1_000_000 }],
      ['idle', { ...never, idleMs: 200 }],
    ] as const) {
      await using one = await poolBench({ recycle })
      expect(textOf(await one.run('x'))).toBe('X')
      await until(`one has gone for ${why}`, () => one.gone().some((gone) => gone.why === why))
      expect(textOf(await one.run('y'))).toBe('Y')
      expect(one.gone().every(({ fault }) => !fault)).toBe(true)
    }
  })

  it('takes a new binary into use without a restart, and every result says which one it is of', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pool-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const program = join(folder, 'worker')
    copyFileSync(join(EXAMPLES, 'worker.sh'), program)
    await using one = await poolBench({ program, args: [], processes: 2 })
    const before = await one.run('x')
    writeFileSync(
      join(folder, 'new'),
      '#!/bin/sh\nwhile read -r line; do case $line in *bye*) exit;; esac; echo \'{"stdout":"new"}\'; done\n',
      { mode: 0o755 },
    )
    renameSync(join(folder, 'new'), program)
    await until(
      'both processes have been replaced',
      () => one.gone().filter(({ why }) => why === 'program-changed').length === 2,
    )
    const after = await one.run('x')
    expect(textOf(after)).toBe('new')
    expect(after.program?.ino).not.toBe(before.program?.ino)
    expect(after.program?.path).toBe(program)
  })

  it('keeps the processes of the old binary where the new one does not start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pool-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const program = join(folder, 'worker')
    copyFileSync(join(EXAMPLES, 'worker.sh'), program)
    await using one = await poolBench({ program, args: [] })
    await one.run('x')
    writeFileSync(join(folder, 'new'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    renameSync(join(folder, 'new'), program)
    await until('the new one has failed', () => one.gone().some(({ fault }) => fault))
    expect(textOf(await one.run('x'))).toMatch(/characters/)
  })

  it('refuses what only a process of its own could heed', async () => {
    await using one = await poolBench({})
    expect(await one.run('x', { binary: '/bin/other' })).toMatchObject({ verdict: 'launch-failed', errno: 'EINVAL' })
  })

  it('ends what runs when it is stopped, and answers everybody', async () => {
    await using one = await poolBench({ args: [FAULTY], graceMs: 200 })
    const running = ['silent', 'a', 'b'].map((stdin) => one.run(stdin))
    await until('a process lives', () => markedProcesses(one.bench.mark).length > 0)
    await one.pool.stop()
    expect((await Promise.all(running)).map(({ verdict }) => verdict)).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect(markedProcesses(one.bench.mark)).toEqual([])
  })

  it('holds the partition of a task while the program is not there, and goes on when it is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pool-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const program = join(folder, 'worker')
    await using one = await poolBench({ program, args: [] })
    const held: string[] = []
    const lifted = Promise.withResolvers<void>()
    const executor = createExecutor({
      runner: one.pool,
      slots: 2,
      holds: {
        place: (_, hold) => {
          held.push(`${hold.reason}: ${hold.detail}`)
          return lifted.resolve
        },
      },
      announce: () => undefined,
      clock: systemClock,
      random: systemRandom,
      defaultBinary: null,
      launchRetry: { program: { initialMs: 50, maxMs: 50 } },
    })
    const assignment = { topic: 't', partition: 0, epoch: 1 } as Assignment
    const run = executor.submit(taskOf({ stdin: 'x' }), { assignment, priority: 0, attempt: 1 })
    await until('the partition is held', () => held.length > 0)
    expect(held[0]).toMatch(/^binary: .*does not exist/)
    expect(run.state).toBe('waiting')
    copyFileSync(join(EXAMPLES, 'worker.sh'), program)
    expect(await run.outcome).toMatchObject({ verdict: 'ok' })
    await lifted.promise
  })

  it('runs again what a launcher that died had, in a process of another, and no process stays', async () => {
    await using one = await poolBench({ processes: 2, inFlight: 2 }, undefined, 3)
    await until('both processes work', () => markedProcesses(one.bench.mark).length === 2)
    const outcomes = [one.run('a', { timeoutMs: 5_000 })]
    await outcomes[0]
    const [, second = 0, third = 0] = one.bench.launcherPids()
    const slow = Array.from({ length: 4 }, () => one.run('silent', { timeoutMs: 1_500 }))
    await until('they are in flight', () => one.gone().length === 0 && markedProcesses(one.bench.mark).length === 2)
    process.kill(second, 'SIGKILL')
    process.kill(third, 'SIGKILL')
    expect((await Promise.all(slow)).map(({ verdict }) => verdict)).toEqual([
      'timeout',
      'timeout',
      'timeout',
      'timeout',
    ])
    expect(textOf(await one.run('after'))).toBe('AFTER')
    expect(one.gone()).toContainEqual(expect.objectContaining({ why: 'launcher-lost', fault: true }))
    await one.pool.stop()
    await until('no process stays', () => markedProcesses(one.bench.mark).length === 0)
  })
})
