import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createExecutor } from '../../src/flow/executor/index.ts'
import { systemClock, systemRandom } from '../../src/lib/index.ts'
import type { Assignment, Outcome } from '../../src/model/index.ts'
import { markedProcesses, taskOf, until } from './launcher-kit.ts'
import { type PoolBench, poolBench, textOf } from './pool-kit.ts'

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'pool-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** A program that answers its pid as soon as the file is there that its task names; with a log, each begin is a line in it. */
const HOLDS = `
import { appendFileSync, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\\n')
const work = async ({ id, stdin, args: [log] }) => {
  if (log) appendFileSync(log, 'begun\\n')
  do await new Promise((then) => setTimeout(then, 10))
  while (!existsSync(stdin))
  say({ id, stdout: String(process.pid) })
}
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  if (request.op === 'bye') process.exit(0)
  if (request.op === 'ping') say({ op: 'pong', id: request.id })
  if (request.op === 'task') void work(request)
}`

function program(at: string): string {
  const file = join(at, 'worker.mjs')
  writeFileSync(file, HOLDS)
  return file
}

const sizeOf = ({ pool }: PoolBench): readonly unknown[] =>
  pool.kept().flatMap(({ live, leaving, most }) => [live, leaving, most])

describe('a pool whose slots change', () => {
  it.each([
    { inFlight: 1, before: 2, grown: 4 },
    { inFlight: 2, before: 1, grown: 3 },
  ])(
    'grows when tasks need it, and lets what runs end before it shrinks ($inFlight in flight)',
    async (the) => {
      const at = folder()
      const gate = join(at, 'go')
      const { inFlight, before, grown } = the
      await using one = await poolBench({ args: [program(at)], processes: before, inFlight, followsSlots: true })
      const started: unknown[] = []
      const hold = (): Promise<Outcome> =>
        one.pool.run(taskOf({ stdin: gate }), new AbortController().signal, (pid) => started.push(pid))
      expect(sizeOf(one)).toEqual([before, 0, before])
      one.pool.setSlots(grown * inFlight)
      expect(sizeOf(one)).toEqual([before, 0, grown])
      const held = Array.from({ length: grown * inFlight }, hold)
      await until('a process for each task', () => started.length === held.length)
      expect(sizeOf(one)).toEqual([grown, 0, grown])

      one.pool.setSlots(1)
      expect(sizeOf(one)).toEqual([1, grown - 1, 1])
      held.push(hold())
      writeFileSync(gate, '')
      const outcomes = await Promise.all(held)
      expect(outcomes.map(({ verdict }) => verdict)).toEqual(held.map(() => 'ok'))
      const pids = outcomes.map(textOf)
      expect(new Set(pids).size).toBe(grown)
      await until('the end of those that are too many', () => one.gone().length === grown - 1)
      expect(one.gone().map(({ why, fault, inFlight: lost }) => [why, fault, lost])).toEqual(
        Array.from({ length: grown - 1 }, () => ['surplus', false, 0]),
      )
      expect(sizeOf(one)).toEqual([1, 0, 1])
      const left = pids.filter((pid) => !one.gone().some((process) => String(process.pid) === pid))
      expect(left.at(-1)).toBe(pids.at(-1))
      expect(markedProcesses(one.bench.mark)).toEqual([Number(pids.at(-1))])
    },
    60_000,
  )

  it('runs every task once while it grows and shrinks under load', async () => {
    const at = folder()
    const log = join(at, 'log')
    await using one = await poolBench({ args: [program(at)], processes: 2, inFlight: 2, followsSlots: true })
    const executor = createExecutor({
      runner: one.pool,
      slots: 4,
      holds: { place: () => () => undefined },
      announce: () => undefined,
      clock: systemClock,
      random: systemRandom,
      defaultBinary: null,
    })
    const assignment: Assignment = { topic: 'jobs', partition: 0, epoch: 1, owner: 1 }
    let answered = 0
    const outcomes = await Promise.all(
      Array.from({ length: 400 }, async (_, number) => {
        const task = taskOf({ id: `t${number}`, stdin: at, args: [log] })
        const outcome = await executor.submit(task, { assignment, priority: 0, attempt: 1 }).outcome
        answered += 1
        if (answered % 20 === 0) executor.setSlots([1, 8, 3, 12, 2][(answered / 20) % 5] as number)
        return outcome
      }),
    )
    expect(outcomes.filter((outcome) => outcome?.verdict === 'ok')).toHaveLength(400)
    expect(readFileSync(log, 'utf8').trim().split('\n')).toHaveLength(400)
    await until('the end of those that are too many', () =>
      executor.kept().every(({ live, leaving, most }) => live <= most && leaving === 0),
    )
    expect(one.gone().filter(({ fault }) => fault)).toEqual([])
  }, 60_000)

  it('keeps the number that is configured', async () => {
    const at = folder()
    await using one = await poolBench({ args: [program(at)], processes: 2 })
    one.pool.setSlots(8)
    expect(one.pool.kept()).toEqual([
      { runner: 'pool', what: 'processes', live: 2, leaving: 0, most: 2, configured: true },
    ])
  })
})
