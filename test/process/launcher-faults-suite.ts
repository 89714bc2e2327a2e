import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { discardFiles } from '../../src/flow/executor/index.ts'
import type { Outcome, TaskOptions } from '../../src/model/index.ts'
import {
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
const withoutRoom = fileURLToPath(new URL('../programs/worker-without-room.ts', import.meta.url))
const HAS_PRLIMIT = ['prlimit', 'setpriv'].every((tool) => spawnSync(tool, ['--version']).status === 0)
const isRoot = process.geteuid?.() === 0
const folder = mkdtempSync(join(tmpdir(), 'faults-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Hostile {
  readonly what: string
  readonly task: TaskOptions
  readonly expected: Partial<Outcome>
  /** Needs limits, or to find what left its session. */
  readonly nativeOnly?: true
}

const sh = (script: string, more: TaskOptions = {}): TaskOptions => ({ args: ['-c', script], ...more })
const TIMEOUT = { timeoutMs: 1_500 }

/** Nine programs that nobody would write on purpose. */
const HOSTILE: readonly Hostile[] = [
  {
    what: 'forks and forks',
    // 2^6 processes: a bomb that stops by itself, should it ever get out.
    task: sh('b() { [ $1 -eq 0 ] || { b $(($1 - 1)) & b $(($1 - 1)) & }; sleep 60; }; b 5', TIMEOUT),
    expected: { verdict: 'timeout' },
  },
  {
    what: 'takes all memory',
    task: {
      binary: 'python3',
      args: [
        '-c',
        'import os\na = []\ntry:\n  while True: a.append(bytearray(1 << 20))\nexcept MemoryError: os.abort()',
      ],
      limits: { memoryBytes: 200_000_000, coreBytes: 0 },
    },
    expected: { verdict: 'oom' },
    nativeOnly: true,
  },
  {
    what: 'fills the disk',
    task: { binary: 'dd', args: ['if=/dev/zero', 'of=filler', 'bs=64k'], scratch: true, limits: { fileBytes: 1e6 } },
    expected: { verdict: 'limit', signal: 'SIGXFSZ' },
    nativeOnly: true,
  },
  {
    what: 'floods its output',
    task: { binary: process.execPath, args: [flood, String(1e9)] },
    expected: { verdict: 'output-cap' },
  },
  {
    what: 'ignores SIGTERM',
    task: sh('trap "" TERM INT HUP; while :; do sleep 1; done', TIMEOUT),
    expected: { verdict: 'timeout', signal: 'SIGKILL' },
  },
  {
    what: 'makes itself a daemon',
    task: sh('(setsid sh -c "(sleep 600 & sleep 600) &" </dev/null >/dev/null 2>&1 &); echo up'),
    expected: { verdict: 'ok' },
    nativeOnly: true,
  },
  {
    what: 'never reads its stdin',
    task: sh('sleep 600', { ...TIMEOUT, stdin: Buffer.alloc(5_000_000) }),
    expected: { verdict: 'timeout' },
  },
  {
    what: 'dribbles for ever',
    task: sh('while :; do printf .; printf . >&2; sleep 0.02; done', TIMEOUT),
    expected: { verdict: 'timeout' },
  },
  {
    what: 'makes zombies',
    task: sh('i=0; while [ $i -lt 30 ]; do (sleep 0 &) ; i=$((i+1)); done; exec sleep 0.3'),
    expected: { verdict: 'ok' },
  },
]

const zombies = (one: Bench): number[] =>
  one.launcherPids().flatMap((pid) => childrenOf(pid).filter((child) => statOf(child)?.state === 'Z'))

/** Bad programs, and a machine without room. */
export function faultsSuite(tested: LauncherUnderTest): void {
  describe(`hostile programs, all at once, with ${tested.name} launchers`, () => {
    it('end as they have to, hurt no other task, and leave nothing', async () => {
      const base = mkdtempSync(join(folder, 'x'))
      const places = { scratchFolder: base, spillFolder: base }
      await using one = await bench({ ...places, graceMs: 200 }, { count: 2, ...tested.options })
      await one.sh('exit 0')
      const before = one.launcherPids().map((pid) => openFiles(pid).length)
      const hostile = HOSTILE.filter(({ nativeOnly }) => nativeOnly !== true || tested.options.kind === 'native')
      const runs = Promise.all(hostile.map(({ task }) => one.run(task)))
      const others = Array.from({ length: 40 }, (_, at) => one.sh(`echo ${at}`))
      const calm = await Promise.all(others)
      expect(calm.map(({ stdout }) => Number(stdout.toString()))).toEqual(calm.map((_, at) => at))
      const outcomes = await runs
      for (const [at, { what, expected }] of hostile.entries()) expect(outcomes[at], what).toMatchObject(expected)
      const dribbled = outcomes[hostile.findIndex(({ what }) => what.startsWith('dribbles'))] as Outcome
      expect(dribbled.stdout.length).toBeGreaterThan(5)
      for (const outcome of outcomes) await discardFiles(outcome)
      await until('no process is left', () => markedProcesses(one.mark).length === 0, 2_000)
      await until('no zombie is left', () => zombies(one).length === 0, 2_000)
      await until('descriptors are closed', () =>
        one.launcherPids().every((pid, at) => openFiles(pid).length <= (before[at] ?? 0)),
      )
      const left = readdirSync(base).flatMap((name) => readdirSync(join(base, name)))
      expect(left.filter((name) => name !== 'alive')).toEqual([])
      expect(one.failures).toEqual([])
    })
  })

  describe(`a machine without room, with a ${tested.name} launcher`, () => {
    const startIn = (command: readonly string[]): { ends: Record<string, number>; afterwards: string } => {
      const [program, ...args] = [...command, process.execPath, '--conditions=drakkar-src', withoutRoom]
      const { stdout, stderr } = spawnSync(program, args, {
        encoding: 'utf8',
        env: {
          ...process.env,
          NODE_OPTIONS: '',
          DRAKKAR_TEST_LAUNCHER: JSON.stringify(tested.options),
          TMPDIR: '/tmp',
        },
        timeout: 60_000,
      })
      expect(stderr).toBe('')
      return JSON.parse(stdout) as { ends: Record<string, number>; afterwards: string }
    }
    const expectRefusals = ({ ends, afterwards }: ReturnType<typeof startIn>, refusal: string): void => {
      expect(Object.keys(ends).toSorted()).toEqual([refusal, 'ok'])
      expect(ends['ok']).toBeGreaterThan(5)
      expect((ends['ok'] ?? 0) + (ends[refusal] ?? 0)).toBe(100)
      expect(afterwards).toBe('ok')
    }

    it.runIf(HAS_PRLIMIT)('for descriptors refuses what does not fit, and goes on', () => {
      expectRefusals(startIn(['prlimit', '--nofile=100', '--']), 'launch-failed EMFILE')
    })

    // Root is not held to a number of processes.
    it.runIf(HAS_PRLIMIT && isRoot)('for processes likewise', () => {
      const other = ['setpriv', '--reuid', '64997', '--regid', '64997', '--clear-groups']
      expectRefusals(startIn([...other, 'prlimit', '--nproc=60', '--']), 'launch-failed EAGAIN')
    })
  })

  describe(`arguments, with a ${tested.name} launcher`, () => {
    it('may be as long as the system allows, and more is refused to the task alone', async () => {
      await using one = await bench({}, { count: 1, ...tested.options })
      const args = (count: number): string[] => [
        '-c',
        'echo $#',
        ...Array.from({ length: count }, () => 'x'.repeat(1e5)),
      ]
      expect((await one.run({ args: args(15) })).stdout.toString()).toBe('14\n')
      expect(await one.run({ args: args(79) })).toMatchObject({ errno: 'E2BIG', launchPart: 'arguments' })
      expect(await one.sh('exit 0')).toMatchObject({ verdict: 'ok' })
    })
  })

  describe(`many tasks, with ${tested.name} launchers`, () => {
    const tasks = process.env['DRAKKAR_NIGHTLY'] === '1' ? 10_000 : 600
    it(`leave neither process nor zombie, descriptor or file: ${tasks} of all kinds`, {
      timeout: 600_000,
    }, async () => {
      const base = mkdtempSync(join(folder, 'x'))
      const input = fileURLToPath(import.meta.url)
      const places = { scratchFolder: base, spillFolder: base, maxStdoutBytes: 100 }
      await using one = await bench({ ...places, onOutputCap: 'spill' }, { count: 2, ...tested.options })
      await one.run({ binary: 'cat', stdin: { file: input } }).then(discardFiles)
      const before = one.launcherPids().map((pid) => openFiles(pid).length)
      const own = openFiles('self').length
      const kinds: readonly [TaskOptions, Partial<Outcome>][] = [
        [sh('exit 0'), { verdict: 'ok' }],
        [sh('echo x > file; mkdir -p d/e; exit 3', { scratch: true }), { verdict: 'exit', exitCode: 3 }],
        [
          { binary: 'cat', stdin: { file: input } },
          { verdict: 'ok', stdoutFile: expect.anything() as never },
        ],
        [sh('sleep 60', { timeoutMs: 30, graceMs: 0, scratch: true }), { verdict: 'timeout' }],
        [{ binary: '/no/such/program', scratch: true }, { verdict: 'launch-failed' }],
        [sh('sleep 60 & exit 0'), { verdict: 'ok' }],
      ]
      let next = 0
      const lane = async (): Promise<void> => {
        for (let at = next++; at < tasks; at = next++) {
          const [task, expected] = kinds[at % kinds.length] as (typeof kinds)[number]
          const outcome = await one.run(task)
          expect(outcome).toMatchObject(expected)
          if (outcome.stdoutFile !== undefined) {
            expect(statSync(outcome.stdoutFile.path).size).toBe(outcome.stdoutFile.bytes)
          }
          await discardFiles(outcome)
        }
      }
      await Promise.all(Array.from({ length: 8 }, lane))
      const made = readdirSync(base).flatMap((name) => readdirSync(join(base, name)))
      expect(made).toEqual(['alive'])
      await until('no process is left', () => markedProcesses(one.mark).length === 0, 2_000)
      expect(zombies(one)).toEqual([])
      await until('descriptors are closed', () =>
        one.launcherPids().every((pid, at) => openFiles(pid).length <= (before[at] ?? 0)),
      )
      await until('the worker has closed its own', () => openFiles('self').length <= own)
    })
  })
}
