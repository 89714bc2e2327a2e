import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { bench, markedProcesses, NATIVE, NATIVE_OPTIONS, NO_NATIVE, pids, statOf, until } from './launcher-kit.ts'
import { HAS_COMPILER, listOf } from './native-build.ts'

const native = NATIVE_OPTIONS
const folder = mkdtempSync(join(tmpdir(), 'native-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Leaves the group and the session, is nobody's child, and has an empty environment: only its command line tells whose it is. */
const escape = (seconds: string): string =>
  `(setsid env -i sh -c 'sleep ${seconds} & wait' </dev/null >/dev/null 2>&1 &)`
const secret = (): string => `600.${Math.trunc(Math.random() * 1e9)}`

function running(argument: string): number[] {
  return pids().filter((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
      return command[0] === 'sleep' && command[1] === argument && statOf(pid)?.state !== 'Z'
    } catch {
      return false
    }
  })
}

it.runIf(HAS_COMPILER)('is there, where a compiler is', () => expect(NO_NATIVE).toBeNull())

describe.skipIf(NO_NATIVE !== null)('the native launcher', () => {
  it('tells the number of every signal, also of realtime ones', async () => {
    await using one = await bench({}, { count: 1, ...native })
    for (const number of [34, 40, 64]) {
      const outcome = await one.sh(`kill -${number} $$; sleep 5`)
      expect(outcome).toMatchObject({ verdict: 'signal', exitCode: null, signal: `signal ${number}` })
    }
  })

  it('measures CPU time and memory of each run, not its own', async () => {
    await using one = await bench({ maxStdoutBytes: 0 }, { count: 1, ...native })
    const small = await one.run({ binary: '/bin/true' })
    expect(small.maxRssKb).toBeGreaterThan(0)
    expect(small.maxRssKb).toBeLessThanOrEqual(4096)
    const stdin = Buffer.alloc(16 * 1024 * 1024, 'x')
    await Promise.all(Array.from({ length: 4 }, () => one.run({ binary: 'cat', stdin })))
    await one.sh('exit 0', {
      env: Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`A${at}`, 'x'.repeat(100_000)])),
    })
    expect((await one.run({ binary: '/bin/true' })).maxRssKb).toBeLessThanOrEqual(4096)
    const busy = await one.run({
      binary: process.execPath,
      args: ['-e', 'const b = Buffer.alloc(64e6, 1); for (let i = 0; i < 3e8; i++);'],
    })
    expect(busy.maxRssKb).toBeGreaterThan(64_000)
    expect(busy.cpuUs).toBeGreaterThan(50_000)
  })

  it('says nothing where its worker is gone already, unless it is the first one', () => {
    const started = (index: string): object => {
      const { status, stderr } = spawnSync(NATIVE ?? '', [join(folder, 'gone'), index], { encoding: 'utf8' })
      return { status, stderr }
    }
    expect(started('1')).toEqual({ status: 0, stderr: '' })
    expect(started('0')).toEqual({ status: 1, stderr: expect.stringMatching(/launcher 0: .*gone: No such file/) })
  })

  it('gives pipes that can be opened by their path', async () => {
    await using one = await bench({}, { count: 1, ...native })
    const outcome = await one.sh('cat /dev/stdin > /dev/stdout; echo err > /dev/stderr', { stdin: 'through' })
    expect(outcome.stdout.toString()).toBe('through')
    expect(outcome.stderr.toString()).toBe('err\n')
  })

  it('ends what left its session when its run ends, and not before', async () => {
    await using one = await bench({}, { count: 1, ...native })
    const [long, short] = [secret(), secret()]
    const stop = new AbortController()
    const first = one.sh(`${escape(long)}; sleep 600`, {}, stop.signal)
    await until('the first has one', () => running(long).length === 1)
    expect(await one.sh(`${escape(short)}; sleep 0.2; echo done`)).toMatchObject({ verdict: 'ok' })
    await until('that of the second is gone', () => running(short).length === 0, 1_000)
    expect(running(long)).toHaveLength(1)
    stop.abort()
    await first
    await until('that of the first is gone', () => running(long).length === 0, 1_000)
  })

  it.each([0, 1])('ends what left its session when launcher %d is killed', async (index) => {
    await using one = await bench({}, { count: 2, ...native })
    const seconds = [secret(), secret()]
    const tasks = seconds.map((argument) => one.sh(`${escape(argument)}; sleep 600`))
    await until('both have one', () => seconds.every((argument) => running(argument).length === 1))
    process.kill(one.launcherPids()[index] as number, 'SIGKILL')
    await Promise.race(tasks)
    const left = (): number => seconds.filter((argument) => running(argument).length > 0).length
    await until('that of its task is gone', () => left() === 1, 2_000)
    await one.runner.stop()
    await until('both are gone', () => left() === 0, 2_000)
    await Promise.all(tasks)
  })

  it('leaves nothing that left its session also where it was the only one, and is killed', async () => {
    await using one = await bench({}, { count: 1, ...native })
    const seconds = [secret(), secret(), secret()]
    const tasks = seconds.map((argument) => one.sh(`${escape(argument)}; sleep 600`))
    await until('all have one', () => seconds.every((argument) => running(argument).length === 1))
    process.kill(one.launcherPids()[0] as number, 'SIGKILL')
    const lost = await Promise.all(tasks)
    expect(lost.map(({ verdict }) => verdict)).toEqual(['host-lost', 'host-lost', 'host-lost'])
    // Before the tasks are answered, since the worker ends after that.
    expect(seconds.flatMap(running)).toEqual([])
    expect(markedProcesses(one.mark)).toEqual([])
  })

  it('stays small', async () => {
    await using one = await bench({ onOutputCap: 'truncate', maxStdoutBytes: 0 }, { count: 1, ...native })
    await Promise.all(Array.from({ length: 8 }, () => one.sh('head -c 20000000 /dev/zero')))
    const status = readFileSync(`/proc/${one.launcherPids()[0]}/status`, 'latin1')
    expect(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])).toBeLessThan(4096)
  })
})

describe.skipIf(NO_NATIVE !== null)('where the native launcher cannot run', () => {
  const file = `${randomUUID()}`

  it('is copied to where it may be executed', async () => {
    copyFileSync(NATIVE ?? '', join(folder, file))
    chmodSync(join(folder, file), 0o644)
    await using one = await bench({}, { count: 2, kind: 'auto', nativeLaunchers: listOf(folder, file) })
    expect(one.events.filter((event) => event.type === 'launcher_started').map(({ kind }) => kind)).toEqual([
      'native',
      'native',
    ])
    expect(await one.sh('exit 0')).toMatchObject({ verdict: 'ok' })
    expect(markedProcesses(one.mark)).toEqual([])
  })

  it('the Node one serves, and it is said why', async () => {
    writeFileSync(join(folder, file), '#!/bin/sh\nexit 3\n', { mode: 0o755 })
    chmodSync(join(folder, file), 0o755)
    const nativeLaunchers = listOf(folder, file)
    await using one = await bench({}, { count: 1, kind: 'auto', nativeLaunchers })
    expect(one.events[0]).toMatchObject({
      type: 'launcher_started',
      kind: 'node',
      reason: expect.stringContaining('exit code 3'),
    })
    expect(await one.sh('exit 0')).toMatchObject({ verdict: 'ok' })
    await expect(bench({}, { kind: 'native', nativeLaunchers })).rejects.toMatchObject({ code: 'LAUNCHER_FAILED' })
  })

  it('what is not what was built is not started', async () => {
    const nativeLaunchers = listOf(folder, file)
    writeFileSync(join(folder, file), '#!/bin/sh\nexit 4\n')
    await using one = await bench({}, { count: 1, kind: 'auto', nativeLaunchers })
    expect(one.events[0]).toMatchObject({ kind: 'node', reason: expect.stringContaining('checksum') })
    await expect(bench({}, { kind: 'native', nativeLaunchers })).rejects.toThrow('checksum')
  })
})
