import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { RunSettings } from '../../src/flow/executor/run-settings.ts'
import { bench, NATIVE_OPTIONS, NO_NATIVE } from './launcher-kit.ts'
import { poolBench, textOf } from './pool-kit.ts'

const native = { count: 1, ...NATIVE_OPTIONS }
const isRoot = process.geteuid?.() === 0
const folder = mkdtempSync(join(tmpdir(), 'limits-'))
afterAll(() => rmSync(folder, { recursive: true }))
const NO_PYTHON = spawnSync('python3', ['--version'], { stdio: 'ignore' }).status !== 0
const GIGABYTE = 1024 * 1024 * 1024
/** Takes memory and uses it, and does not look whether it got any. */
const HOG = 'a = []\nwhile True: a.append(bytearray(1 << 20))'

describe.skipIf(NO_NATIVE !== null)('limits of a run, with a native launcher', () => {
  it('are those of the configuration, each with what the task says over it', async () => {
    const limits = { openFiles: 40, coreBytes: 0, fileBytes: 51_200 }
    await using one = await bench({ limits }, native)
    const asked = 'ulimit -n; ulimit -c; ulimit -f; ulimit -Hn'
    expect((await one.sh(asked)).stdout.toString()).toBe('40\n0\n100\n40\n')
    const own = await one.sh(asked, { limits: { openFiles: 30 } })
    expect(own.stdout.toString()).toBe('30\n0\n100\n30\n')
    expect((await one.sh(asked)).stdout.toString()).toBe('40\n0\n100\n40\n')
  })

  it('are never above what holds already', async () => {
    await using one = await bench({}, native)
    const limits = { openFiles: Number.MAX_SAFE_INTEGER, memoryBytes: Number.MAX_SAFE_INTEGER }
    expect(await one.sh('exit 0', { limits })).toMatchObject({ verdict: 'ok' })
  })

  it('CPU time: SIGXCPU, and SIGKILL for who ignores it; both are the limit', async () => {
    await using one = await bench({}, native)
    const limits = { cpuSeconds: 1 }
    const [meek, stubborn] = await Promise.all([
      one.sh('while :; do :; done', { limits }),
      one.sh('trap "" XCPU; while :; do :; done', { limits }),
    ])
    expect(meek).toMatchObject({ verdict: 'limit', signal: 'SIGXCPU' })
    expect(meek?.message).toContain('more than 1 s of CPU time')
    expect(stubborn).toMatchObject({ verdict: 'limit', signal: 'SIGKILL' })
    expect(stubborn?.cpuUs).toBeGreaterThan(1_000_000)
  })

  it('the size of a file: SIGXFSZ is the limit', async () => {
    await using one = await bench({}, native)
    const outcome = await one.sh('dd if=/dev/zero of=big bs=1k count=1000', {
      cwd: folder,
      limits: { fileBytes: 10_240 },
    })
    expect(outcome).toMatchObject({ verdict: 'exit' })
    const direct = await one.run({
      binary: 'dd',
      args: ['if=/dev/zero', 'of=big', 'bs=1k', 'count=1000'],
      cwd: folder,
      limits: { fileBytes: 10_240 },
    })
    expect(direct).toMatchObject({ verdict: 'limit', signal: 'SIGXFSZ' })
    expect(direct.message).toContain('10240 bytes')
  })

  it.skipIf(NO_PYTHON)(
    'memory: a program that aborts close to it ran out of memory, one that aborts far from it did not',
    async () => {
      await using one = await bench({}, native)
      const limits = { memoryBytes: GIGABYTE / 4 }
      const abort = `import os\ntry:\n  ${HOG.replaceAll('\n', '\n  ')}\nexcept MemoryError: os.abort()`
      const full = await one.run({ binary: 'python3', args: ['-c', abort], limits: { ...limits, coreBytes: 0 } })
      expect(full).toMatchObject({ verdict: 'oom', signal: 'SIGABRT' })
      expect(full.message).toContain(`memory limit of ${GIGABYTE / 4} bytes`)
      const early = await one.sh('kill -ABRT $$', { limits: { ...limits, coreBytes: 0 } })
      expect(early).toMatchObject({ verdict: 'signal', signal: 'SIGABRT' })
      expect(early.message).toContain('it has a memory limit')
      // Who handles it ends as it likes.
      const handled = await one.run({ binary: 'python3', args: ['-c', HOG], limits })
      expect(handled).toMatchObject({ verdict: 'exit', exitCode: 1 })
      expect(handled.stderr.toString()).toContain('MemoryError')
    },
  )

  it('niceness, for the task as for all', async () => {
    await using one = await bench({ nice: 5 }, native)
    const own = Number((await one.sh('nice')).stdout.toString())
    expect((await one.sh('nice', { nice: 7 })).stdout.toString()).toBe(`${own + 2}\n`)
    expect((await one.sh('nice', { nice: 0 })).stdout.toString()).toBe(`${own - 5}\n`)
  })

  it.runIf(isRoot)('processes: the one too many is refused as a machine without room', async () => {
    const runAs = { uid: 64_999, gid: 64_999 }
    await using one = await bench({ runAs }, native)
    const bomb = 'i=0; while [ $i -lt 50 ]; do sleep 20 & i=$((i+1)); done; wait'
    const outcome = await one.sh(bomb, { cwd: '/', limits: { processes: 10 } })
    expect(outcome.verdict).toBe('exit')
    expect(outcome.stderr.toString()).toMatch(/fork/i)
    const full = one.sh('sleep 20', { cwd: '/' })
    const refused = await one.sh('exit 0', { cwd: '/', limits: { processes: 0 } })
    expect(refused).toMatchObject({ verdict: 'launch-failed', errno: 'EAGAIN', launchPart: 'program' })
    await one.runner.stop()
    await full
  })
})

describe.skipIf(NO_NATIVE !== null)('limits of a process that stays', () => {
  it('are those of the configuration', async () => {
    const settings = { limits: { openFiles: 100 }, nice: 3, umask: 0o027, runAs: null }
    const source = `
      const { execSync } = require('node:child_process')
      require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
        const { op, id } = JSON.parse(line)
        if (op === 'bye') process.exit(0)
        console.log(JSON.stringify({ id, stdout: op === 'task' ? execSync('echo $(ulimit -n; umask; nice)').toString() : '' }))
      })`
    await using one = await poolBench({ args: ['-e', source], settings }, { name: 'native', options: NATIVE_OPTIONS })
    expect(textOf(await one.run('x'))).toBe(`100 0027 ${getPriority() + 3}\n`)
  })
})

describe('what the launchers cannot set', () => {
  const start = async (settings: Partial<RunSettings>, kind: 'node' | 'native'): Promise<void> => {
    const one = await bench(settings, kind === 'node' ? { count: 1, kind } : native)
    await one.runner.stop()
  }

  it('is refused at the start of the worker, by the name of the option', async () => {
    await expect(start({ limits: { cpuSeconds: 1 } }, 'node')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('executor.limits needs native launchers'),
    })
    await expect(start({ nice: 5 }, 'node')).rejects.toThrow('executor.nice')
    await start({ umask: 0o077 }, 'node')
  })

  it('is refused to a single task, and the program is not run without it', async () => {
    await using one = await bench({}, { count: 1, kind: 'node' })
    const outcome = await one.sh('exit 0', { limits: { cpuSeconds: 1 } })
    expect(outcome).toMatchObject({ verdict: 'launch-failed', errno: 'ENOSYS', launchPart: 'limits', pid: null })
    expect(outcome.message).toContain('native launchers')
    expect(await one.sh('exit 0', { nice: 3 })).toMatchObject({ errno: 'ENOSYS' })
  })
})
