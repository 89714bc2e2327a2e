import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../lib/index.ts'
import type { Assignment, Hold, Task, TaskOptions, WorkerEvent } from '../../model/index.ts'
import { type Run as Planned, ScriptedRunner, type VirtualClock, virtualClock } from '../../testing/index.ts'
import { createExecutor, type ExecutorOptions, type ResizableExecutor } from './executor.ts'
import type { Run, SubmitOptions } from './runner.ts'

const assignment = (partition: number): Assignment => ({ topic: 'jobs', partition, epoch: partition + 1, owner: 1 })

function taskOf(id: string, options: TaskOptions = {}): Task {
  return {
    id,
    messages: [],
    args: [],
    env: {},
    metadata: undefined,
    labels: {},
    ...(options.binary === undefined ? {} : { binary: options.binary }),
    ...(options.precomputed === undefined ? {} : { precomputed: options.precomputed }),
  }
}

interface World {
  readonly clock: VirtualClock
  readonly executor: ResizableExecutor
  readonly events: WorkerEvent[]
  readonly runner: ScriptedRunner
  /** `partition reason` of every hold that stands now. */
  readonly holds: string[]
  readonly details: string[]
  submit(id: string, options?: TaskOptions & Partial<SubmitOptions> & { partition?: number }): Run
  started(): string[]
}

function world(script: (task: Task, run: number) => Planned, options: Partial<ExecutorOptions> = {}): World {
  const clock = virtualClock()
  const events: WorkerEvent[] = []
  const holds: string[] = []
  const details: string[] = []
  const runner = new ScriptedRunner({ clock, script })
  const executor = createExecutor({
    runner,
    slots: 2,
    clock,
    random: seededRandom(1),
    announce: (event) => events.push(event),
    defaultBinary: '/opt/solver',
    holds: {
      place(at, hold: Hold) {
        const name = `${at.partition} ${hold.reason}`
        holds.push(name)
        details.push(hold.detail)
        return () => {
          const index = holds.indexOf(name)
          if (index >= 0) holds.splice(index, 1)
        }
      },
    },
    ...options,
  })
  return {
    clock,
    executor,
    events,
    runner,
    holds,
    details,
    submit: (id, { partition = 0, priority = 0, attempt = 1, ...task } = {}) =>
      executor.submit(taskOf(id, task), { assignment: assignment(partition), priority, attempt }),
    started: () => events.flatMap((event) => (event.type === 'task_started' ? [event.task.id] : [])),
  }
}

describe('the executor', () => {
  it('runs as many as there are slots, by priority, and gives the lowest slot', async () => {
    const one = world((task) => ({ durationMs: task.id === 'a' ? 10 : 20 }))
    const runs = ['a', 'b', 'c', 'd'].map((id, at) => one.submit(id, { priority: [1, -at] }))
    expect(runs.map((run) => run.state)).toEqual(['running', 'running', 'waiting', 'waiting'])
    expect([one.executor.running, one.executor.waiting]).toEqual([2, 2])
    await one.clock.runUntilIdle()
    expect(runs.map((run) => run.state)).toEqual(['ended', 'ended', 'ended', 'ended'])
    const started = one.events.filter((event) => event.type === 'task_started')
    expect(started.map((event) => [event.task.id, event.slot, event.queueWaitMs])).toEqual([
      ['a', 0, 0],
      ['b', 1, 0],
      ['d', 0, 10],
      ['c', 1, 20],
    ])
    expect([one.executor.running, one.executor.waiting]).toEqual([0, 0])
  })

  it('answers a precomputed task at once and without a slot', async () => {
    const one = world(() => ({ durationMs: 1_000 }), { slots: 1, defaultBinary: null })
    one.submit('long')
    const known = one.submit('known', { precomputed: { stdout: 'out', exitCode: 4, durationSeconds: 2 }, attempt: 3 })
    expect(known.state).toBe('ended')
    expect(await known.outcome).toMatchObject({ verdict: 'exit', exitCode: 4, wallMs: 2_000, pid: null })
    expect(known.withdraw()).toBe(false)
    expect(one.events.slice(1)).toMatchObject([
      { type: 'task_started', slot: null, queueWaitMs: 0, attempt: 3 },
      { type: 'task_finished', slot: null, failed: true, attempt: 3 },
    ])
  })

  it('takes a waiting task back, and ends a running one', async () => {
    const one = world(() => ({ durationMs: 1_000 }), { slots: 1 })
    const running = one.submit('running')
    const waiting = one.submit('waiting')
    expect(waiting.withdraw()).toBe(true)
    expect(waiting.withdraw()).toBe(false)
    expect(running.withdraw()).toBe(false)
    expect(await waiting.outcome).toBeNull()
    running.cancel()
    expect(await running.outcome).toMatchObject({ verdict: 'cancelled' })
    expect(one.started()).toEqual(['running'])
  })

  it('grows and shrinks while it runs', async () => {
    const one = world(() => ({ durationMs: 10 }), { slots: 1 })
    for (const id of ['a', 'b', 'c', 'd']) one.submit(id)
    one.executor.setSlots(3)
    expect(one.executor.running).toBe(3)
    one.executor.setSlots(1)
    expect(one.executor.running).toBe(3)
    await one.clock.runUntilIdle()
    expect(one.started()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('shows what runs, and cancels a task by its id, at the gate or running', async () => {
    const one = world(() => ({ durationMs: 1_000 }), { slots: 1 })
    const runs = ['a', 'b', 'c'].map((id) => one.submit(id))
    await one.clock.run(400)
    expect(one.executor.active()).toMatchObject([
      { task: { id: 'a' }, partition: 0, attempt: 1, slot: 0, pid: 1, forMs: 400 },
    ])
    expect([runs[0]?.slot, runs[0]?.pid, runs[0]?.since, runs[1]?.since]).toEqual([0, 1, 0, 0])
    expect(one.executor.cancelTask('b')).toBe(true)
    expect(await runs[1]?.outcome).toMatchObject({ verdict: 'cancelled', pid: null })
    expect(one.executor.cancelTask('a')).toBe(true)
    expect(await runs[0]?.outcome).toMatchObject({ verdict: 'cancelled' })
    expect(one.started()).toEqual(['a', 'c'])
    expect(one.executor.cancelTask('a')).toBe(false)
    expect(one.executor.active().map(({ task }) => task.id)).toEqual(['c'])
  })

  it('counts the exit codes as success that the configuration or the task names', async () => {
    const one = world(() => ({ verdict: 'exit', exitCode: 1 }), { okExitCodes: [0, 1] })
    expect(await one.clock.runUntil(one.submit('a').outcome)).toMatchObject({ verdict: 'ok', exitCode: 1 })
    expect(await one.submit('b', { precomputed: { exitCode: 1 } }).outcome).toMatchObject({ verdict: 'ok' })
    expect(one.events.filter((event) => event.type === 'task_finished').map(({ failed }) => failed)).toEqual([
      false,
      false,
    ])
  })

  it('withdraws and ends everything at a stop, and takes nothing afterwards', async () => {
    const one = world(() => ({ durationMs: 1_000 }), { slots: 1 })
    const runs = ['a', 'b', 'c'].map((id) => one.submit(id))
    await one.clock.runUntil(Promise.all([one.executor.stop(), one.executor.stop()]))
    const outcomes = await Promise.all(runs.map((run) => run.outcome))
    expect(outcomes.map((outcome) => outcome?.verdict ?? null)).toEqual(['cancelled', null, null])
    expect(await one.submit('late').outcome).toBeNull()
    expect(one.started()).toEqual(['a'])
    expect(one.clock.scheduled).toBe(0)
  })

  it('answers host-lost where the runner itself breaks its contract', async () => {
    const runner = {
      start: () => Promise.resolve(),
      run: () => Promise.reject(new Error('boom')),
      stop: () => Promise.resolve(),
    }
    const one = world(() => ({}), { runner })
    expect(await one.submit('a').outcome).toMatchObject({ verdict: 'host-lost', message: 'The runner failed: boom' })
    expect(one.executor.running).toBe(0)
  })
})

describe('a default program that cannot be launched', () => {
  const missing: Planned = { verdict: 'launch-failed', errno: 'ENOENT' }

  it('holds the partitions, answers nothing, tries one at a time, and goes on by itself', async () => {
    let installed = false
    const one = world(() => (installed ? { durationMs: 5 } : missing))
    const runs = Array.from({ length: 6 }, (_, at) => one.submit(`t${at}`, { partition: at % 2 }))
    await one.clock.run(100)
    expect(one.holds.toSorted()).toEqual(['0 binary', '1 binary'])
    expect(one.details[0]).toContain('/opt/solver cannot be started (ENOENT).')
    expect(runs.map((run) => run.state)).toEqual(Array.from({ length: 6 }, () => 'waiting'))
    expect(one.started()).toEqual(['t0', 't1'])
    await one.clock.run(60_000)
    const tries = one.started().length - 2
    expect(tries).toBeGreaterThanOrEqual(12)
    expect(tries).toBeLessThanOrEqual(16)
    installed = true
    await one.clock.run(5_000 + 5)
    expect(one.holds).toEqual([])
    await one.clock.runUntilIdle()
    expect((await Promise.all(runs.map((run) => run.outcome))).map((outcome) => outcome?.verdict)).toEqual(
      Array.from({ length: 6 }, () => 'ok'),
    )
    expect(one.started().slice(-6).toSorted()).toEqual(['t0', 't1', 't2', 't3', 't4', 't5'])
  })

  it('lifts the hold as soon as the program runs, not when it ends', async () => {
    let installed = false
    const clock = virtualClock()
    const scripted = new ScriptedRunner({ clock, script: () => (installed ? { durationMs: 600_000 } : missing) })
    const runner = {
      start: () => scripted.start(),
      stop: () => scripted.stop(),
      run: (task: Task, signal: AbortSignal, started?: () => void) => {
        if (installed) started?.()
        return scripted.run(task, signal)
      },
    }
    const one = world(() => ({}), { clock, runner })
    one.submit('a')
    one.submit('b', { partition: 1 })
    await clock.run(10)
    expect(one.holds).toHaveLength(2)
    installed = true
    await clock.run(2_000)
    expect(one.holds).toEqual([])
    expect(one.executor.running).toBe(2)
    await clock.runUntil(one.executor.stop())
  })

  it('lets its tasks be withdrawn, and the hold goes with the last of a partition', async () => {
    const one = world(() => missing)
    const [a, b] = [one.submit('a', { partition: 0 }), one.submit('b', { partition: 1 })]
    await one.clock.run(10)
    expect(a.withdraw()).toBe(true)
    expect(one.holds).toEqual(['1 binary'])
    b.cancel()
    expect(await b.outcome).toBeNull()
    expect(one.holds).toEqual([])
    expect(one.clock.scheduled).toBe(0)
    expect(one.executor.waiting).toBe(0)
  })

  it('holds a partition that comes later, and starts nothing for it', async () => {
    const one = world(() => missing)
    one.submit('a')
    await one.clock.run(10)
    one.submit('b', { partition: 7 })
    expect(one.holds).toEqual(['0 binary', '7 binary'])
    expect(one.started()).toEqual(['a'])
  })

  it('does not stop tasks that name another program', async () => {
    const one = world((task) => (task.binary === undefined ? missing : {}))
    one.submit('a')
    await one.clock.run(10)
    expect(await one.clock.runUntil(one.submit('b', { binary: '/opt/other' }).outcome)).toMatchObject({ verdict: 'ok' })
    expect(one.holds).toEqual(['0 binary'])
  })

  it('ends at a stop', async () => {
    const one = world(() => missing)
    const run = one.submit('a')
    await one.clock.run(10)
    await one.clock.runUntil(one.executor.stop())
    expect(await run.outcome).toBeNull()
    expect(one.holds).toEqual([])
    expect(one.clock.scheduled).toBe(0)
  })
})

describe('a program that a task names', () => {
  const missing: Planned = { verdict: 'launch-failed', errno: 'EACCES' }

  it('is answered three times, then held', async () => {
    const one = world(() => missing)
    for (const id of ['a', 'b', 'c']) {
      const run = one.submit(id, { binary: '/opt/own' })
      expect(await one.clock.runUntil(run.outcome)).toMatchObject({ verdict: 'launch-failed', errno: 'EACCES' })
    }
    expect(one.holds).toEqual([])
    const held = one.submit('d', { binary: '/opt/own' })
    await one.clock.run(10)
    expect(held.state).toBe('waiting')
    expect(one.holds).toEqual(['0 binary'])
  })

  it('begins to count anew after it ran', async () => {
    let works = false
    const one = world(() => (works ? {} : missing))
    for (const id of ['a', 'b', 'c', 'works', 'd', 'e', 'f']) {
      works = id === 'works'
      await one.clock.runUntil(one.submit(id, { binary: '/opt/own' }).outcome)
    }
    expect(one.holds).toEqual([])
  })
})

describe('a launch that is the fault of the task', () => {
  it('is answered, however often', async () => {
    const one = world(() => ({ verdict: 'launch-failed', errno: 'E2BIG' }))
    for (let at = 0; at < 10; at += 1) {
      expect(await one.clock.runUntil(one.submit(`t${at}`).outcome)).toMatchObject({ errno: 'E2BIG' })
    }
    expect(one.holds).toEqual([])
  })
})

describe('a machine without room for another process', () => {
  it('is tried again with growing waits, and holds only after ten seconds', async () => {
    let full = true
    const one = world(() => (full ? { verdict: 'launch-failed', errno: 'EAGAIN' } : {}))
    const runs = ['a', 'b', 'c'].map((id, at) => one.submit(id, { partition: at }))
    await one.clock.run(9_000)
    expect(one.holds).toEqual([])
    expect(one.started().length).toBeGreaterThan(5)
    expect(one.started().length).toBeLessThan(20)
    await one.clock.run(8_000)
    expect(one.holds.toSorted()).toEqual(['0 launch', '1 launch', '2 launch'])
    full = false
    await one.clock.runUntilIdle()
    expect(one.holds).toEqual([])
    expect((await Promise.all(runs.map((run) => run.outcome))).map((outcome) => outcome?.verdict)).toEqual([
      'ok',
      'ok',
      'ok',
    ])
  })
})

describe('whatever happens', () => {
  it('every run is answered once, nothing runs above the slots, and no hold or timer stays', async () => {
    const step = fc.record({
      kind: fc.constantFrom('submit', 'submit', 'submit', 'withdraw', 'cancel', 'slots', 'wait', 'fault'),
      number: fc.nat(50),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        let fault: Planned = {}
        const faults: Planned[] = [
          {},
          { verdict: 'launch-failed', errno: 'ENOENT' },
          { verdict: 'launch-failed', errno: 'EAGAIN' },
          { verdict: 'host-lost' },
          { verdict: 'exit' },
        ]
        const one = world(() => ({ durationMs: 30, ...fault }))
        const runs: Run[] = []
        let width = 2
        let before = 0
        for (const { kind, number } of steps) {
          const run = runs[number % Math.max(1, runs.length)]
          if (kind === 'submit') {
            const binary = number % 3 === 0 ? { binary: `/own/${number % 2}` } : {}
            runs.push(one.submit(`t${runs.length}`, { ...binary, partition: number % 4, priority: number % 5 }))
          } else if (kind === 'withdraw') run?.withdraw()
          else if (kind === 'cancel') run?.cancel()
          else if (kind === 'slots') one.executor.setSlots((number % 4) + 1)
          else if (kind === 'wait') await one.clock.run(number * 40)
          else fault = faults[number % faults.length] ?? {}
          // A cancelled run has ended, and gives its slot back a moment later.
          expect(one.runner.running).toBeLessThanOrEqual(one.executor.running)
          if (kind === 'slots') width = (number % 4) + 1
          else if (kind === 'submit') expect(one.executor.running).toBeLessThanOrEqual(Math.max(width, before))
          before = one.executor.running
        }
        fault = {}
        await one.clock.runUntilIdle()
        const outcomes = await Promise.all(runs.map((run) => run.outcome))
        expect(outcomes).toHaveLength(runs.length)
        expect(one.holds).toEqual([])
        expect([one.executor.running, one.executor.waiting]).toEqual([0, 0])
        const started = one.events.filter((event) => event.type === 'task_started').length
        expect(one.events.filter((event) => event.type === 'task_finished')).toHaveLength(started)
      }),
      { numRuns: 150 },
    )
  })
})
