import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/model/index.ts'
import {
  AFTER_EXIT,
  type Bench,
  bench,
  childrenOf,
  type LauncherUnderTest,
  markedProcesses,
  openFiles,
  statOf,
  until,
} from './launcher-kit.ts'

const flood = fileURLToPath(new URL('../programs/flood.mjs', import.meta.url))
const node = process.execPath

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone meanwhile.
  }
}

/** What a program gets from a launcher, and what the launcher says of it. */
export function runsSuite(tested: LauncherUnderTest): void {
  describe(`a program, run by a ${tested.name} launcher`, () => {
    let one: Bench
    let folder: string

    beforeAll(async () => {
      one = await bench({}, tested.options)
      folder = await mkdtemp(join(tmpdir(), 'launcher-test-'))
    })
    afterAll(async () => {
      await one[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    })

    it('is of the kind that was asked for, and so are the others', () => {
      const started = one.events.filter((event) => event.type === 'launcher_started')
      expect(started.map((event) => event.kind)).toEqual([tested.options.kind, tested.options.kind])
    })

    it.runIf(process.platform === 'linux')(
      'is taken by the kernel before the worker, when memory is short',
      async () => {
        const scores = one.launcherPids().map((pid) => readFileSync(`/proc/${pid}/oom_score_adj`, 'latin1'))
        expect(scores).toEqual(['500\n', '500\n'])
        expect((await one.sh('cat /proc/self/oom_score_adj')).stdout.toString()).toBe('500\n')
      },
    )

    it('answers stdout, stderr, exit code and pid', async () => {
      const outcome = await one.sh('echo out; echo err >&2; exit 3')
      expect(outcome).toMatchObject({ verdict: 'exit', exitCode: 3, signal: null, stdoutTruncated: false })
      expect(outcome.stdout.toString()).toBe('out\n')
      expect(outcome.stderr.toString()).toBe('err\n')
      expect(outcome.pid).toBeGreaterThan(1)
      expect(outcome.wallMs).toBeGreaterThan(0)
    })

    it('answers ok for exit code 0 and names no failure', async () => {
      const outcome = await one.sh('exit 0')
      expect(outcome).toMatchObject({ verdict: 'ok', exitCode: 0 })
      expect(outcome.message).toBeUndefined()
    })

    it('names the signal that somebody else sent', async () => {
      expect(await one.sh('kill -KILL $$')).toMatchObject({ verdict: 'signal', signal: 'SIGKILL', exitCode: null })
      expect(await one.sh('kill -SEGV $$')).toMatchObject({ verdict: 'signal', signal: 'SIGSEGV' })
    })

    it('passes arguments as they are, and the environment in layers', async () => {
      const args = ['a b', '', '$HOME', "it's", 'ü€🙂', '*']
      const script = 'process.stdout.write(JSON.stringify([process.argv.slice(1), process.env.A, process.env.B]))'
      const outcome = await one.run({ binary: node, args: ['-e', script, '--', ...args], env: { A: '1', B: 'x=y\nz' } })
      expect(JSON.parse(outcome.stdout.toString())).toEqual([args, '1', 'x=y\nz'])
    })

    it('finds a name without a slash on the PATH, and runs in the working directory', async () => {
      const outcome = await one.run({ binary: 'pwd', cwd: '/usr' })
      expect(outcome.stdout.toString()).toBe('/usr\n')
    })

    it('carries 1 MiB through stdin and back', async () => {
      const stdin = Buffer.alloc(1024 * 1024)
      for (let at = 0; at < stdin.length; at += 1) stdin[at] = (at * 31 + (at >> 8)) & 255
      const outcome = await one.run({ binary: 'cat', stdin })
      expect(outcome.verdict).toBe('ok')
      expect(outcome.stdout.equals(stdin)).toBe(true)
    })

    it('gives /dev/null where there is no stdin, and an end at once where it is empty', async () => {
      expect((await one.sh('cat; echo end')).stdout.toString()).toBe('end\n')
      expect((await one.sh('cat; echo end', { stdin: '' })).stdout.toString()).toBe('end\n')
    })

    it('does not mind a program that closes its stdin early or never reads it', async () => {
      const stdin = Buffer.alloc(5 * 1024 * 1024, 'x')
      expect(await one.sh('exec <&-; exit 0', { stdin })).toMatchObject({ verdict: 'ok' })
      expect(await one.sh('exit 0', { stdin })).toMatchObject({ verdict: 'ok' })
      expect((await one.sh('head -c 3', { stdin })).stdout.toString()).toBe('xxx')
    })

    it('ends what writes more than the cap', async () => {
      const outcome = await one.run({ binary: node, args: [flood, String(64 * 1024 * 1024)] })
      expect(outcome).toMatchObject({ verdict: 'output-cap', stdoutTruncated: true })
      expect(outcome.stdout.length).toBe(1024 * 1024)
      expect(outcome.message).toContain('1048576')
    })

    it('keeps the end of stderr', async () => {
      const outcome = await one.run({ binary: node, args: [flood, String(1024 * 1024), 'stderr'] })
      expect(outcome).toMatchObject({ verdict: 'ok', stderrTruncated: true })
      expect(outcome.stderr.length).toBe(64 * 1024)
      expect(outcome.stderr.toString()).toMatch(/line 16383 \.+\n$/)
    })

    it('ends what runs longer than its limit, even if it ignores SIGTERM, with its whole tree', async () => {
      const tree = 'trap "" TERM; sleep 600 & (trap "" TERM; sleep 600; sleep 600) & wait; wait; sleep 600'
      const outcome = await one.sh(tree, { timeoutMs: 300 })
      expect(outcome).toMatchObject({ verdict: 'timeout', exitCode: null, signal: 'SIGKILL' })
      await until('nothing is left', () => markedProcesses(one.mark).length === 0, 1_000)
    })

    it('lets a program that heeds SIGTERM end by itself', async () => {
      const outcome = await one.sh('trap "echo bye; exit 7" TERM; sleep 600 & wait', { timeoutMs: 300 })
      expect(outcome).toMatchObject({ verdict: 'timeout', exitCode: 7 })
      expect(outcome.stdout.toString()).toBe('bye\n')
    })

    it('wakes a stopped program to let it end by itself', async () => {
      const outcome = await one.sh('trap "echo bye; exit 7" TERM; kill -STOP $$; sleep 600', { timeoutMs: 300 })
      expect(outcome).toMatchObject({ verdict: 'timeout', exitCode: 7 })
    })

    it('ends a run on request, before and after it began', async () => {
      const early = new AbortController()
      early.abort()
      expect(await one.sh('sleep 600', {}, early.signal)).toMatchObject({ verdict: 'cancelled' })
      const later = new AbortController()
      const running = one.sh('echo begun; sleep 600', {}, later.signal)
      await until('it runs', () => markedProcesses(one.mark).length > 0)
      later.abort()
      expect(await running).toMatchObject({ verdict: 'cancelled' })
      await until('nothing is left', () => markedProcesses(one.mark).length === 0, 1_000)
    })

    it('leaves nothing of a background child, with or without its output', async () => {
      expect(await one.sh('sleep 600 & echo done')).toMatchObject({ verdict: 'ok', exitCode: 0 })
      await until('nothing is left', () => markedProcesses(one.mark).length === 0, 1_000)
      const silent = await one.sh('(sleep 600 </dev/null >/dev/null 2>&1 &) ; echo done')
      expect(silent.stdout.toString()).toBe('done\n')
      await until('nothing is left', () => markedProcesses(one.mark).length === 0, 1_000)
    })

    it('waits for output that is still on its way after the exit', async () => {
      const outcome = await one.sh(`(${AFTER_EXIT}; echo late) & echo first`)
      expect(outcome.stdout.toString()).toBe('first\nlate\n')
    })

    it('says what is wrong with a program that cannot be started', async () => {
      const script = join(folder, 'script')
      await writeFile(script, '#!/bin/sh\nexit 0\n')
      const garbage = join(folder, 'garbage')
      await writeFile(garbage, 'this is no program\n')
      await chmod(garbage, 0o755)
      const orphan = join(folder, 'orphan')
      await writeFile(orphan, '#!/no/such/interpreter\n')
      await chmod(orphan, 0o755)
      const expectFailure = async (binary: string, errno: string, part: string, text: RegExp): Promise<void> => {
        const outcome = await one.run({ binary })
        expect(outcome).toMatchObject({ verdict: 'launch-failed', errno, launchPart: part, pid: null, exitCode: null })
        expect(outcome.message).toMatch(text)
      }
      await expectFailure(join(folder, 'missing'), 'ENOENT', 'program', /missing cannot be started: it does not exist/)
      await expectFailure('no-such-program-anywhere', 'ENOENT', 'program', /PATH/)
      await expectFailure(script, 'EACCES', 'program', /chmod \+x/)
      await expectFailure(folder, 'EISDIR', 'program', /is a folder/)
      await expectFailure(join(script, 'x'), 'ENOTDIR', 'program', /not a folder/)
      await expectFailure(garbage, 'ENOEXEC', 'program', /#! line/)
      await expectFailure(orphan, 'ENOENT', 'program', /interpreter/)
    })

    it('tells a missing working directory from a missing program', async () => {
      const missing = await one.sh('exit 0', { cwd: join(folder, 'nowhere') })
      expect(missing).toMatchObject({ verdict: 'launch-failed', errno: 'ENOENT', launchPart: 'cwd' })
      expect(missing.message).toContain(`working directory ${join(folder, 'nowhere')} does not exist`)
      const file = join(folder, 'file')
      await writeFile(file, '')
      expect(await one.sh('exit 0', { cwd: file })).toMatchObject({ errno: 'ENOTDIR', launchPart: 'cwd' })
    })

    it('refuses arguments that no program can get', async () => {
      const nul = await one.run({ args: ['-c', 'a\0b'] })
      expect(nul).toMatchObject({ verdict: 'launch-failed', errno: 'EINVAL', launchPart: 'arguments' })
      expect(nul.message).toContain('Argument 1 contains a NUL')
      expect(await one.sh('exit 0', { env: { 'A=B': 'x' } })).toMatchObject({ errno: 'EINVAL' })
      const long = 'x'.repeat(300 * 1024)
      expect(await one.sh('exit 0', { env: { LONG: long } })).toMatchObject({ errno: 'E2BIG', launchPart: 'arguments' })
      expect(await one.run({ args: ['x'.repeat(20 * 1024 * 1024)] })).toMatchObject({ errno: 'E2BIG' })
    })

    it('answers whom a child that left the group keeps waiting', async () => {
      const outcome = await one.run({
        binary: node,
        args: [
          '-e',
          `const c = require('child_process').spawn('sleep', ['5'], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] }); c.unref(); console.log('done')`,
        ],
      })
      expect(outcome).toMatchObject({ verdict: 'ok' })
      expect(outcome.stdout.toString()).toBe('done\n')
      expect(outcome.wallMs).toBeLessThan(4_000)
      // A native launcher has ended it already.
      for (const pid of markedProcesses(one.mark)) endIfThere(pid)
    })

    it('mixes nothing up with 500 tasks at 16 at a time, and leaves neither descriptors nor zombies', async () => {
      const before = one.launcherPids().map((pid) => openFiles(pid).length)
      const own = openFiles('self').length
      let next = 0
      const lane = async (): Promise<void> => {
        for (let id = next++; id < 500; id = next++) {
          const text = `task ${id} `.repeat((id % 50) + 1)
          const outcome: Outcome = await one.sh('cat; printf %s "$T" >&2; exit $C', {
            stdin: text,
            env: { T: text, C: String(id % 5) },
          })
          expect(outcome.stdout.toString()).toBe(text)
          expect(outcome.stderr.toString()).toBe(text)
          expect(outcome.exitCode).toBe(id % 5)
        }
      }
      await Promise.all(Array.from({ length: 16 }, lane))
      await until('descriptors are closed', () =>
        one.launcherPids().every((pid, at) => openFiles(pid).length <= (before[at] ?? 0)),
      )
      expect(openFiles('self').length).toBeLessThanOrEqual(own)
      const [first, second] = one.launcherPids() as [number, number]
      expect(childrenOf(first)).toEqual([second])
      expect(childrenOf(second)).toEqual([])
      expect(statOf(second)?.state).not.toBe('Z')
    })
  })

  describe(`with on_output_cap: truncate, a ${tested.name} launcher`, () => {
    it('reads and drops the rest', async () => {
      await using one = await bench(
        { onOutputCap: 'truncate', maxStdoutBytes: 100_000 },
        { count: 1, ...tested.options },
      )
      const outcome = await one.run({ binary: node, args: [flood, String(8 * 1024 * 1024)] })
      expect(outcome).toMatchObject({ verdict: 'ok', stdoutTruncated: true })
      expect(outcome.stdout.length).toBe(100_000)
      expect(outcome.stdout.toString()).toMatch(/^line 0 /)
    })

    it('cuts between characters', async () => {
      await using one = await bench(
        { onOutputCap: 'truncate', maxStdoutBytes: 4, maxStderrBytes: 4 },
        { count: 1, ...tested.options },
      )
      const outcome = await one.sh('printf "a€€"; printf "€€a" >&2')
      expect(outcome.stdout.toString()).toBe('a€')
      expect(outcome.stderr.toString()).toBe('€a')
    })

    it('has no cap with 0', async () => {
      await using one = await bench({ maxStdoutBytes: 0, maxStderrBytes: 0 }, { count: 1, ...tested.options })
      const outcome = await one.run({ binary: node, args: [flood, String(8 * 1024 * 1024)] })
      expect(outcome).toMatchObject({ verdict: 'ok', stdoutTruncated: false })
      expect(outcome.stdout.length).toBe(8 * 1024 * 1024)
    })
  })
}
