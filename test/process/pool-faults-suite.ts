import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../src/model/index.ts'
import { type LauncherUnderTest, markedProcesses, until } from './launcher-kit.ts'
import { FAULTY, type PoolBench, poolBench, textOf } from './pool-kit.ts'

/** What a program does instead of an answer, what becomes of the task, and what its message says. */
export const FAULTS: readonly (readonly [fault: string, verdict: Verdict, message: RegExp])[] = [
  ['unknown-id', 'protocol', /rule `unasked`.*answered request 100\d, which was never made/],
  ['oversize', 'protocol', /rule `size`/],
  ['half-exit', 'protocol', /rule `whole`.*ended inside a line/],
  ['half-hang', 'timeout', /worked longer than 1 s/],
  ['wrong-type', 'protocol', /rule `fields`.*`stdout` that is not a text: 42/],
  ['not-an-object', 'protocol', /rule `fields`.*no JSON object: \[1,2\]/],
  ['no-such-op', 'protocol', /rule `op`.*"done"/],
  ['binary-noise', 'protocol', /rule `framing`.*no text/],
  ['endless', 'timeout', /worked longer than 1 s/],
  ['silent', 'no-progress', /no sign of progress for 0.4 s/],
  ['dies', 'exit', /ended with exit code 7/],
  ['exits-with-0', 'protocol', /ended with exit code 0 before it had answered/],
  ['killed-by-itself', 'signal', /SIGSEGV/],
  ['ignores-term', 'timeout', /worked longer than 1 s/],
  ['floods', 'protocol', /rule `size`.*without a newline/],
  ['closes-stdout', 'timeout', /worked longer than 1 s/],
  ['closes-both', 'protocol', /closed its stdin and stdout/],
  ['partial-twice', 'protocol', /rule `once`.*partial result 3/],
]

async function nothingLeft(one: PoolBench): Promise<void> {
  await one.pool.stop()
  await until('no process of the pool lives', () => markedProcesses(one.bench.mark).length === 0)
}

/** What a pool makes of programs that break its protocol. `faults`: all of them, or a few where another launcher had all. */
export function poolFaultsSuite(tested: LauncherUnderTest, faults: typeof FAULTS): void {
  describe(`a pool on ${tested.name} launchers`, () => {
    it.each(faults)(
      '%s: the task ends as %s, the others go on, and nothing is left',
      async (fault, verdict, message) => {
        const noProgressMs = fault === 'silent' ? 400 : 0
        await using one = await poolBench({ processes: 2, timeoutMs: 1_000, graceMs: 200, noProgressMs }, tested)
        const good = async (text: string): Promise<string> => textOf(await one.run(text, { timeoutMs: 20_000 }))
        const bad = one.run(fault, fault === 'silent' || verdict !== 'timeout' ? { timeoutMs: 20_000 } : {})
        const goods = Promise.all(['a', 'b', 'c', 'd'].map(good))
        expect(await bad).toMatchObject({ verdict, message: expect.stringMatching(message) })
        expect(await goods).toEqual(['A', 'B', 'C', 'D'])
        expect(await good('after')).toBe('AFTER')
        await nothingLeft(one)
      },
    )

    it('runs a task that meets a broken process once more, in a new one', async () => {
      await using one = await poolBench({}, tested)
      expect(await one.run('wrong-type')).toMatchObject({ verdict: 'protocol' })
      expect(one.gone().map(({ why, tasks }) => [why, tasks])).toEqual([
        ['protocol', 1],
        ['protocol', 1],
      ])
    })

    it('takes the first of two answers, and ends the process for the second', async () => {
      await using one = await poolBench({}, tested)
      expect(await one.run('twice')).toMatchObject({ verdict: 'ok', stdout: Buffer.from('one') })
      await until('the process is gone', () => one.gone().length === 1)
      expect(one.gone()[0]).toMatchObject({
        why: 'protocol',
        fault: true,
        detail: expect.stringMatching(/answered request 2 again/),
      })
      expect(textOf(await one.run('next'))).toBe('NEXT')
    })

    it.each([
      ['garbage-first', /rule `framing`.*Loading the model/],
      ['dies-at-start', /exit code 3.*model\.bin: no such file/],
      ['never-ready', /did not answer the first ping within 0\.4 s/],
    ])('%s: every task that waits hears that no process can be made ready', async (always, message) => {
      const readyTimeoutMs = always === 'never-ready' ? 400 : 20_000
      await using one = await poolBench({ args: [FAULTY, always], readyTimeoutMs, graceMs: 200 }, tested)
      const outcomes = await Promise.all([one.run('a'), one.run('b')])
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ verdict: 'launch-failed', pid: null, message: expect.stringMatching(message) })
      }
      await nothingLeft(one)
    })

    it('says what the system said where the program is not there', async () => {
      await using one = await poolBench({ program: '/no/such/worker', args: [] }, tested)
      expect(await one.run('a')).toMatchObject({ verdict: 'launch-failed', errno: 'ENOENT' })
    })

    it('notices what is said before it asks, and starts another', async () => {
      await using one = await poolBench({ args: [FAULTY, 'unasked'] }, tested)
      await until('the process is gone', () => one.gone().length > 0)
      expect(one.gone()[0]).toMatchObject({ why: 'protocol', detail: expect.stringMatching(/`unasked`/) })
    })

    it('goes on with a program that dies at every third task', async () => {
      await using one = await poolBench({ args: [FAULTY, 'dies-on-3'] }, tested)
      const verdicts: string[] = []
      for (let task = 0; task < 9; task += 1) verdicts.push((await one.run('x')).verdict)
      expect(verdicts).toEqual(['ok', 'ok', 'exit', 'ok', 'ok', 'exit', 'ok', 'ok', 'exit'])
      await nothingLeft(one)
    })

    it('lets nobody pay for who writes after bye', async () => {
      await using one = await poolBench({ args: [FAULTY, 'after-bye'] }, tested)
      expect(textOf(await one.run('x'))).toBe('X')
      await nothingLeft(one)
      expect(one.gone()).toMatchObject([{ why: 'protocol', inFlight: 0, detail: expect.stringMatching(/`bye`/) }])
    })
  })
}
