import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Bench, bench, type LauncherUnderTest, markedProcesses, openFiles, statOf, until } from './launcher-kit.ts'

const TREE = 'trap "" TERM; sleep 600 & (trap "" TERM; sleep 600 & wait) & wait'
const workerProgram = fileURLToPath(new URL('../programs/worker-with-trees.ts', import.meta.url))

// A temporary folder of its own: whatever stays in it was left by these tests.
const temporary = mkdtempSync(join(tmpdir(), 'deaths-'))
process.env['TMPDIR'] = temporary
afterAll(() => rmSync(temporary, { recursive: true }))

const gone = (pid: number): boolean => statOf(pid) === null || statOf(pid)?.state === 'Z'
/** What is in the temporary folder of these tests now. */
export const socketFolders = (): string[] => readdirSync(temporary).filter((name) => name.startsWith('drakkar-'))

async function trees(one: Bench, count: number): Promise<ReturnType<Bench['sh']>[]> {
  const running = Array.from({ length: count }, () => one.sh(TREE))
  await until('the trees run', () => markedProcesses(one.mark).length === 4 * count)
  return running
}

/** What is left when a worker or a launcher is gone. */
export function deathsSuite(tested: LauncherUnderTest): void {
  describe(`when the worker of ${tested.name} launchers dies`, () => {
    it('leaves no task process, no launcher and no socket behind', async () => {
      const mark = `mark-${randomUUID()}`
      const worker = spawn(process.execPath, ['--conditions=drakkar-src', workerProgram], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          DRAKKAR_TEST_MARK: mark,
          NODE_OPTIONS: '',
          DRAKKAR_TEST_LAUNCHER: JSON.stringify(tested.options),
        },
      })
      onTestFinished(() => void worker.kill('SIGKILL'))
      const [line] = await new Promise<string[]>((resolve) => {
        createInterface({ input: worker.stdout }).once('line', (text) => resolve([text]))
      })
      const { launchers, tasks } = JSON.parse(line ?? '') as { launchers: number[]; tasks: number[] }
      expect(tasks).toHaveLength(16)
      expect(launchers).toHaveLength(2)
      expect(socketFolders()).toHaveLength(1)
      worker.kill('SIGKILL')
      await until('everything is gone', () => [...tasks, ...launchers].every(gone), 5_000)
      expect(markedProcesses(mark)).toEqual([])
      await until('the socket is gone', () => socketFolders().length === 0)
    })
  })

  describe(`when a ${tested.name} launcher dies`, () => {
    it('ends what it ran, answers host-lost, and replaces it', async () => {
      await using one = await bench({}, { count: 2, ...tested.options })
      const [first, second] = one.launcherPids() as [number, number]
      const running = await trees(one, 4)
      process.kill(second, 'SIGKILL')
      const lost = await Promise.race(running)
      expect(lost).toMatchObject({ verdict: 'host-lost' })
      expect(lost.message).toMatch(/launcher/)
      await until('only the trees of the other one are left', () => markedProcesses(one.mark).length === 8)
      await until('it is replaced', () => one.launchers.readyCount === 2)
      expect(one.events).toContainEqual({ type: 'launcher_lost', index: 1, tasks: 2 })
      expect(one.failures).toEqual([])
      const again = one.launcherPids()
      expect(again[0]).toBe(first)
      expect(again[1]).not.toBe(second)
      expect(statOf(again[1] as number)?.parent).toBe(first)
      expect(await one.sh('exit 0')).toMatchObject({ verdict: 'ok' })
      await one.runner.stop()
      expect((await Promise.all(running)).filter((outcome) => outcome.verdict === 'host-lost')).toHaveLength(4)
      await until('nothing is left', () => markedProcesses(one.mark).length === 0, 1_000)
    })

    it('reports the death of the first one, and still ends what it ran', async () => {
      await using one = await bench({}, { count: 2, ...tested.options })
      const [first] = one.launcherPids() as [number, number]
      const running = await trees(one, 2)
      process.kill(first, 'SIGKILL')
      expect(await Promise.race(running)).toMatchObject({ verdict: 'host-lost' })
      await until('it is told', () => one.failures.length === 1)
      expect(one.failures[0]).toMatchObject({ code: 'LAUNCHER_LOST', exitCode: 71 })
      await until('its tree is gone', () => markedProcesses(one.mark).length === 4)
      await one.runner.stop()
      await until('all trees are gone', () => markedProcesses(one.mark).length === 0)
    })

    it('takes nothing on where no launcher is left, as on a machine without room', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      process.kill(one.launcherPids()[0] as number, 'SIGKILL')
      await until('it is told', () => one.failures.length === 1)
      expect(await one.sh('exit 0')).toMatchObject({ verdict: 'launch-failed', errno: 'EAGAIN', pid: null })
    })

    it('does not die of the signals that go to a terminal or a service', async () => {
      await using one = await bench({}, { count: 2, ...tested.options })
      for (const pid of one.launcherPids()) {
        process.kill(pid, 'SIGTERM')
        process.kill(pid, 'SIGINT')
        process.kill(pid, 'SIGHUP')
      }
      expect(await one.sh('kill -0 $$; exit 4')).toMatchObject({ exitCode: 4 })
      expect(one.launcherPids().map(gone)).toEqual([false, false])
    })

    it('gives programs the default reaction to signals', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      for (const signal of ['TERM', 'INT', 'HUP', 'PIPE']) {
        expect(await one.sh(`kill -${signal} $$; exit 0`)).toMatchObject({ verdict: 'signal', signal: `SIG${signal}` })
      }
    })
  })

  describe(`a stop of ${tested.name} launchers`, () => {
    it('ends tasks and launchers, removes the socket, and can be called twice', async () => {
      const own = openFiles('self').length
      const one = await bench({}, { count: 2, ...tested.options })
      expect(socketFolders()).toHaveLength(1)
      const running = await trees(one, 2)
      await Promise.all([one.runner.stop(), one.runner.stop()])
      expect((await Promise.all(running)).map((outcome) => outcome.verdict)).toEqual(['host-lost', 'host-lost'])
      await until('nothing is left', () => markedProcesses(one.mark).length === 0, 1_000)
      await until('the launchers are gone', () => one.launcherPids().every(gone))
      expect(socketFolders()).toEqual([])
      await until('descriptors are closed', () => openFiles('self').length <= own)
      expect(one.failures).toEqual([])
    })
  })
}
