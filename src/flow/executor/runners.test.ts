import { describe, expect, it } from 'vitest'
import type { RunnerName, Task } from '../../model/index.ts'
import { ScriptedRunner, virtualClock } from '../../testing/index.ts'
import type { Runner } from './runner.ts'
import { Runners } from './runners.ts'

const taskOf = (over: Partial<Task> = {}): Task => ({
  id: 't',
  messages: [],
  args: [],
  env: {},
  metadata: undefined,
  labels: {},
  ...over,
})

function named(name: string, seen: string[]): Runner {
  const runner = new ScriptedRunner({ clock: virtualClock(), script: () => ({}) })
  return {
    start: async () => void seen.push(`start ${name}`),
    run: (task, signal, started) => {
      seen.push(`run ${name}`)
      return runner.run(task, signal, started)
    },
    stop: async () => {
      seen.push(`stop ${name}`)
      if (name === 'pool') throw new Error('the pool does not stop')
    },
  }
}

function world(names: readonly RunnerName[], fallback: RunnerName): { runners: Runners; seen: string[] } {
  const seen: string[] = []
  const runners = Object.fromEntries(names.map((name) => [name, named(name, seen)]))
  return { runners: new Runners({ runners, fallback, defaultBinary: '/bin/solver' }), seen }
}

const never = new AbortController().signal

describe('runners', () => {
  it('gives a task to the runner that it names, else to the default one', () => {
    const { runners, seen } = world(['exec', 'pool'], 'pool')
    void runners.run(taskOf(), never)
    void runners.run(taskOf({ runner: 'exec' }), never)
    expect(seen).toEqual(['run pool', 'run exec'])
  })

  it('refuses a task whose runner is not configured, as the fault of the task', async () => {
    const { runners, seen } = world(['exec'], 'exec')
    const outcome = await runners.run(taskOf({ runner: 'pool' }), never)
    expect(outcome).toMatchObject({ verdict: 'launch-failed', errno: 'EINVAL', launchPart: 'arguments' })
    expect(outcome.message).toBe(
      'Task t asks for the runner `pool`, which is not configured: set executor.pool.binary_path, or let the task use another runner.',
    )
    expect(runners.programOf(taskOf({ runner: 'pool' }))).toBeNull()
    expect(seen).toEqual([])
  })

  it('says what is launched: as the runner says, else the binary', () => {
    const { runners } = world(['exec'], 'exec')
    expect(runners.programOf(taskOf())).toBe('/bin/solver')
    expect(runners.programOf(taskOf({ binary: '/bin/true' }))).toBe('/bin/true')
    const own = { ...named('function', []), programOf: () => null }
    const routed = new Runners({ runners: { function: own }, fallback: 'function', defaultBinary: '/bin/solver' })
    expect(routed.programOf(taskOf({ binary: '/bin/true' }))).toBeNull()
  })

  it('stops the launchers’ owner last, and all of them although one fails', async () => {
    const { runners, seen } = world(['function', 'pool', 'exec'], 'exec')
    await runners.start()
    await expect(runners.stop()).rejects.toThrow('the pool does not stop')
    expect(seen).toEqual(['start exec', 'start pool', 'start function', 'stop function', 'stop pool', 'stop exec'])
  })
})
