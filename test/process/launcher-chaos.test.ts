import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { sweep } from '../../src/flow/executor/files/sweep.ts'
import { seededRandom } from '../../src/lib/index.ts'
import { LAUNCHERS, type LauncherUnderTest, markedProcesses, statOf, until } from './launcher-kit.ts'

const ROUNDS = process.env['DRAKKAR_NIGHTLY'] === '1' ? 200 : 20
const ROUND_MS = 20_000
const worker = fileURLToPath(new URL('../programs/worker-under-load.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'chaos-'))
afterAll(() => rmSync(folder, { recursive: true }))

const gone = (pid: number): boolean => statOf(pid) === null || statOf(pid)?.state === 'Z'

interface Loaded {
  readonly process: ChildProcess
  readonly launchers: readonly number[]
  readonly mark: string
  /** The worker knows that a launcher is gone. */
  readonly lost: Promise<unknown>
}

async function underLoad(tested: LauncherUnderTest, temporary: string): Promise<Loaded> {
  const mark = `mark-${randomUUID()}`
  const child = spawn(process.execPath, ['--conditions=drakkar-src', worker], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      TMPDIR: temporary,
      DRAKKAR_TEST_MARK: mark,
      DRAKKAR_TEST_FOLDER: temporary,
      DRAKKAR_TEST_LAUNCHER: JSON.stringify(tested.options),
    },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const line = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve)
    child.once('exit', (code, signal) => reject(new Error(`the worker ended too early (${code ?? signal})`)))
  })
  const lost = new Promise<unknown>((resolve) => lines.once('line', resolve))
  return { process: child, mark, launchers: (JSON.parse(line) as { launchers: number[] }).launchers, lost }
}

for (const tested of LAUNCHERS) {
  describe(`a SIGKILL under load, with ${tested.name} launchers`, () => {
    it(`leaves no process and no file behind, whoever gets it: ${ROUNDS} rounds`, {
      timeout: ROUNDS * ROUND_MS,
    }, async () => {
      const seed = Math.trunc(Date.now() / 1000)
      const random = seededRandom(seed)
      for (let round = 0; round < ROUNDS; round += 1) {
        const temporary = mkdtempSync(join(folder, 't'))
        const loaded = await underLoad(tested, temporary)
        const victims = [loaded.process.pid as number, ...loaded.launchers]
        const victim = victims[round % victims.length] as number
        await new Promise((resolve) => setTimeout(resolve, random() * 200))
        process.kill(victim, 'SIGKILL')
        if (victim !== loaded.process.pid) {
          // It goes on with the other one, or not at all; then it is killed too. What a Node launcher left is ended by nobody but it.
          if (tested.options.kind === 'node') await loaded.lost
          await new Promise((resolve) => setTimeout(resolve, random() * 300))
          loaded.process.kill('SIGKILL')
        }
        const about = `seed ${seed}, round ${round}, victim ${victims.indexOf(victim)}`
        const left = (): number[] => markedProcesses(loaded.mark).filter((pid) => !gone(pid))
        await until(`nothing runs (${about})`, () => left().length === 0, 5_000)
        await until(`no launcher is there (${about})`, () => loaded.launchers.every(gone), 5_000)
        await sweep(temporary)
        await until(`no file is left (${about})`, () => readdirSync(temporary).length === 0, 5_000)
      }
      expect(readdirSync(folder).flatMap((name) => readdirSync(join(folder, name)))).toEqual([])
    })
  })
}
